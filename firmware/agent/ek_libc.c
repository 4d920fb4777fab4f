/* ek_libc.c: the four functions that compilers call even in freestanding programs, and their names in the Arm run-time
 * ABI (IHI 0043). Empty in hosted builds, where the C library has them. */
#include <stddef.h>
#include <stdint.h>

#if !__STDC_HOSTED__

/* An empty asm in a loop keeps the compiler from recognising the loop and making it a call of the very function. */
#define KEEP_LOOP() __asm__ volatile("" ::: "memory")

typedef uint32_t __attribute__((may_alias)) word_t;

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);

static int aligned(const void *p)
{
    return ((uintptr_t)p & (sizeof(word_t) - 1)) == 0;
}

/* Ascending copy; also right for overlapping buffers with dst below src. */
static void copy_up(uint8_t *to, const uint8_t *from, size_t n)
{
    if (aligned((const void *)((uintptr_t)to ^ (uintptr_t)from))) {
        while (n > 0 && !aligned(to)) {
            *to++ = *from++;
            --n;
            KEEP_LOOP();
        }
        word_t *to_word = (word_t *)(void *)to;
        const word_t *from_word = (const word_t *)(const void *)from;
        for (; n >= sizeof(word_t); n -= sizeof(word_t)) {
            *to_word++ = *from_word++;
            KEEP_LOOP();
        }
        to = (uint8_t *)to_word;
        from = (const uint8_t *)from_word;
    }
    for (; n > 0; --n) {
        *to++ = *from++;
        KEEP_LOOP();
    }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    copy_up(dst, src, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    if ((uintptr_t)dst <= (uintptr_t)src) {
        copy_up(dst, src, n);
        return dst;
    }
    uint8_t *const to = dst;
    const uint8_t *const from = src;
    for (; n > 0; --n) {
        to[n - 1] = from[n - 1];
        KEEP_LOOP();
    }
    return dst;
}

void *memset(void *dst, int value, size_t n)
{
    uint8_t *to = dst;
    while (n > 0 && !aligned(to)) {
        *to++ = (uint8_t)value;
        --n;
        KEEP_LOOP();
    }
    const word_t word = (word_t)(uint8_t)value * 0x01010101u;
    word_t *to_word = (word_t *)(void *)to;
    for (; n >= sizeof(word_t); n -= sizeof(word_t)) {
        *to_word++ = word;
        KEEP_LOOP();
    }
    to = (uint8_t *)to_word;
    for (; n > 0; --n) {
        *to++ = (uint8_t)value;
        KEEP_LOOP();
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    for (; n > 0; --n, ++p, ++q) {
        if (*p != *q) {
            return *p - *q;
        }
        KEEP_LOOP();
    }
    return 0;
}

#if defined(__ARM_EABI__)

/* Of each, the variants for 4- and 8-byte aligned buffers are the same function under another name. */
void __aeabi_memcpy(void *dst, const void *src, size_t n);
void __aeabi_memcpy4(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memcpy")));
void __aeabi_memcpy8(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memcpy")));
void __aeabi_memmove(void *dst, const void *src, size_t n);
void __aeabi_memmove4(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memmove")));
void __aeabi_memmove8(void *dst, const void *src, size_t n) __attribute__((alias("__aeabi_memmove")));
void __aeabi_memset(void *dst, size_t n, int value);
void __aeabi_memset4(void *dst, size_t n, int value) __attribute__((alias("__aeabi_memset")));
void __aeabi_memset8(void *dst, size_t n, int value) __attribute__((alias("__aeabi_memset")));
void __aeabi_memclr(void *dst, size_t n);
void __aeabi_memclr4(void *dst, size_t n) __attribute__((alias("__aeabi_memclr")));
void __aeabi_memclr8(void *dst, size_t n) __attribute__((alias("__aeabi_memclr")));

void __aeabi_memcpy(void *dst, const void *src, size_t n)
{
    copy_up(dst, src, n);
}

void __aeabi_memmove(void *dst, const void *src, size_t n)
{
    memmove(dst, src, n);
}

void __aeabi_memset(void *dst, size_t n, int value)
{
    memset(dst, value, n);
}

void __aeabi_memclr(void *dst, size_t n)
{
    memset(dst, 0, n);
}

#endif

#else

typedef int ek_libc_is_empty_in_hosted_builds;

#endif
