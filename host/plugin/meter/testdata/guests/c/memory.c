#include "guest.h"

uint8_t *input;

static uint8_t heap[8 << 20];
static size_t inputs, used;

void *make(size_t size) {
  const size_t at = used;
  size = (size + 7) & ~(size_t)7;
  if (size > sizeof heap - at) {
    __builtin_trap();
  }
  used = at + size;
  return heap + at;
}

void make_none(void) { used = inputs; }

EXPORT("buf") uint8_t *buf(uint32_t size) {
  used = 0;
  input = make(size);
  inputs = used;
  return input;
}

/* The compiler calls these. */
void *memset(void *to, int value, size_t n) {
  for (uint8_t *p = to; n > 0; n--) {
    *p++ = (uint8_t)value;
  }
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  const uint8_t *q = from;
  for (uint8_t *p = to; n > 0; n--) {
    *p++ = *q++;
  }
  return to;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uint8_t *p = a, *q = b;
  for (; n > 0; n--, p++, q++) {
    if (*p != *q) {
      return *p - *q;
    }
  }
  return 0;
}

uint64_t mark_text(const uint8_t *text, size_t length) {
  uint64_t m = BASIS;
  for (size_t i = 0; i < length; i++) {
    m = (m ^ text[i]) * PRIME;
  }
  return m;
}
