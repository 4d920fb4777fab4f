/* ek_crc32.h: CRC-32 as zlib, Ethernet and PNG compute it (reflected polynomial 0xEDB88320). */
#ifndef EK_CRC32_H
#define EK_CRC32_H

#include <stdint.h>

/* The CRC-32 of the bytes already summed in `crc` (0 for none) followed by n more. */
uint32_t ek_crc32(uint32_t crc, const uint8_t *bytes, uint32_t n);

#endif
