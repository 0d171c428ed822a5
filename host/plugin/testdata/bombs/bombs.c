/* A plugin of the tests of host/plugin, around the jobs of host/plugin/meter/testdata/guests/c: the
 * second byte of a path that begins with "!" says which input it works on, of those
 * that take for ever. PATH_AT is where the path of a request is. */
#include "guest.h"

uint8_t *buf(uint32_t size);
uint64_t match(uint32_t n);
uint64_t json(uint32_t n);

static uint8_t record[1 << 16];

EXPORT("happn_abi_v1") void marker(void) {}

EXPORT("happn_buf") uint8_t *reserve(uint32_t size) { return size <= sizeof record ? record : NULL; }

static uint32_t filled;

static void put(const char *text) {
  while (*text) {
    input[filled++] = (uint8_t)*text++;
  }
}

static void put_again(const char *text, uint32_t times) {
  while (times-- > 0) {
    put(text);
  }
}

EXPORT("happn_inbound") uint64_t inbound(uint32_t n) {
  const uint8_t *path = record + PATH_AT;
  if (n < PATH_AT + 2 || path[0] != '!') {
    return (uint64_t)1 << 60; /* PASS */
  }
  buf(1 << 20);
  filled = 0;
  switch (path[1]) {
  case 'r': /* a regular expression that goes back 2^60 times */
    put("(a+)+b\n\n");
    put_again("a", 60);
    match(filled);
    break;
  case 'd': /* a document that is deeper than the stack */
    put_again("[", 1 << 19);
    json(filled);
    break;
  case 'w': /* a wide one, again and again */
    put("[0");
    put_again(",[{\"a\":1.5e3}]", 10000);
    put("]");
    while (json(filled) != 0) {
    }
  }
  return 0;
}
