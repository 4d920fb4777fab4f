/* port_host.c: the agent as a POSIX process. Frames come on stdin and leave on stdout; nothing else is printed there.
 * The process ends when stdin does. */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "ek_fault.h"
#include "ek_port.h"

#define BOOT_COUNT "EDGEKIT_BOOT_COUNT"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define REPORTS_FAULTS 0 /* the sanitizer says more about a fault than the agent could */
#else
#define REPORTS_FAULTS 1
#endif

static uint32_t boot_count;

/* Written and not yet handed to the system: a frame comes in many small pieces. */
static uint8_t pending[512];
static int n_pending;

#if REPORTS_FAULTS
static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
enum { FAULT_SIGNALS = sizeof fault_signals / sizeof fault_signals[0] };

static _Alignas(16) uint8_t signal_stack[64 * 1024];

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    const uint32_t address = (uint32_t)(uintptr_t)info->si_addr; /* the low half, where addresses have 64 bits */
    const ek_fault_t fault = {.bfar = address, .exception = (uint32_t)number};
    ek_agent_fault(&fault);
}

static void catch_faults(void)
{
    const stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    action.sa_sigaction = on_fault;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < FAULT_SIGNALS; ++i) {
        sigaction(fault_signals[i], &action, NULL);
    }
}
#endif

void ek_port_init(void)
{
    const char *const count = getenv(BOOT_COUNT);
    boot_count = count ? (uint32_t)strtoul(count, NULL, 10) : 1;
    signal(SIGPIPE, SIG_IGN); /* a host that left is seen by write and read */
#if REPORTS_FAULTS
    catch_faults();
#endif
}

static void flush(void)
{
    const uint8_t *from = pending;
    while (n_pending > 0) {
        const ssize_t wrote = write(STDOUT_FILENO, from, (size_t)n_pending);
        if (wrote < 0 && errno != EINTR) {
            _exit(1); /* nobody reads any more */
        }
        if (wrote > 0) {
            from += wrote;
            n_pending -= (int)wrote;
        }
    }
}

int ek_port_read(uint8_t *dst, int n, uint32_t timeout_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const int wait = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    flush();
    const int ready = poll(&input, 1, wait);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
        return 0;
    }
    const ssize_t got = ready < 0 ? -1 : read(STDIN_FILENO, dst, (size_t)n);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return 0;
    }
    return got > 0 ? (int)got : -1;
}

void ek_port_write(const uint8_t *src, int n)
{
    for (int i = 0; i < n; ++i) {
        pending[n_pending++] = src[i];
        if (n_pending == (int)sizeof pending) {
            flush();
        }
    }
    if (n > 0 && src[n - 1] == 0) {
        flush(); /* a frame's end; an inference may follow that takes its time */
    }
}

uint32_t ek_port_ticks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

uint32_t ek_port_ticks_hz(void)
{
    return 1000000000u;
}

uint32_t ek_port_clock_hz(void)
{
    return 0;
}

void ek_port_stack(uint8_t **low, uint8_t **high)
{
    *low = NULL;
    *high = NULL;
}

uint32_t ek_port_boot_count(void)
{
    return boot_count;
}

/* This program's own file. */
static int find_self(char *path, uint32_t size)
{
#ifdef __APPLE__
    return _NSGetExecutablePath(path, &size);
#else
    const ssize_t n = readlink("/proc/self/exe", path, size - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0 ? 0 : -1;
#endif
}

_Noreturn void ek_port_reset(void)
{
    static char self[4096];
    char count[16];
    char *const argv[] = {self, NULL};
    flush();
    snprintf(count, sizeof count, "%lu", (unsigned long)boot_count + 1);
    if (find_self(self, sizeof self) == 0 && setenv(BOOT_COUNT, count, 1) == 0) {
        execv(self, argv);
    }
    _exit(1);
}

void ek_port_cache_clean(const void *address, uint32_t bytes)
{
    (void)address;
    (void)bytes;
}

void ek_port_cache_invalidate(void *address, uint32_t bytes)
{
    (void)address;
    (void)bytes;
}
