/* paths refuses to store documents on paths that are long, deep or strange: a layer for
 * happn-host, built with Extism's PDK for C. */

#define EXTISM_IMPLEMENTATION
#include "extism-pdk.h"
#include "happn-abi.h"

/* What the operator allows. */
static uint32_t max_levels = 8;
static uint32_t max_bytes = 256;
static bool allowed[256];

/* The longest path that can be configured. */
static uint8_t path[4096];

/* A text that is being written; what does not fit is left out. */
static char text[256];
static size_t written;

static void add(const char *more) {
  while (*more && written < sizeof text) {
    text[written++] = *more++;
  }
}

static void add_number(uint32_t n) {
  char digits[11];
  int at = sizeof digits - 1;
  digits[at] = 0;
  do {
    digits[--at] = (char)('0' + n % 10);
    n /= 10;
  } while (n > 0);
  add(digits + at);
}

static int32_t reject(void) {
  extism_output_buf(text, written);
  return HAPPN_VERDICT_REJECT;
}

/* Reads a number of the configuration. False if it is none between 1 and most. */
static bool configured(const char *name, uint32_t most, uint32_t *value) {
  const ExtismHandle handle = extism_config_get_buf_from_sz(name);
  uint8_t digits[10];
  const uint64_t length = extism_length(handle);
  if (handle == 0) {
    return true; /* stays as it is */
  }
  if (length > sizeof digits || !extism_load_from_handle(handle, 0, digits, length)) {
    return false;
  }
  uint64_t n = 0;
  for (size_t i = 0; i < length; i++) {
    if (digits[i] < '0' || digits[i] > '9') {
      return false;
    }
    n = n * 10 + (digits[i] - '0');
  }
  *value = (uint32_t)n;
  return n >= 1 && n <= most;
}

int32_t EXTISM_EXPORTED_FUNCTION(happn_init) {
  if (!configured("maxLevels", 1000, &max_levels)) {
    extism_error_set_buf_from_sz("config.maxLevels must be a number from 1 to 1000");
    return 1;
  }
  if (!configured("maxBytes", sizeof path, &max_bytes)) {
    extism_error_set_buf_from_sz("config.maxBytes must be a number from 1 to 4096");
    return 1;
  }
  for (int c = 'a'; c <= 'z'; c++) {
    allowed[c] = allowed[c - 'a' + 'A'] = true;
  }
  for (int c = '0'; c <= '9'; c++) {
    allowed[c] = true;
  }
  allowed['.'] = allowed['-'] = allowed['_'] = allowed['/'] = true;
  const ExtismHandle more = extism_config_get_buf_from_sz("alsoAllowed");
  const uint64_t length = extism_length(more);
  uint8_t characters[256];
  if (length > sizeof characters) {
    extism_error_set_buf_from_sz("config.alsoAllowed is longer than 256 bytes");
    return 1;
  }
  if (length > 0 && extism_load_from_handle(more, 0, characters, length)) {
    for (uint64_t i = 0; i < length; i++) {
      allowed[characters[i]] = true; /* a byte of UTF-8 */
    }
  }
  return 0;
}

static uint32_t little_endian(const uint8_t *at, int bytes) {
  uint32_t v = 0;
  for (int i = 0; i < bytes; i++) {
    v |= (uint32_t)at[i] << (8 * i);
  }
  return v;
}

/* Finds the path in the input. False if the record has none. */
static bool find_path(uint64_t *offset, uint32_t *length) {
  uint8_t header[HAPPN_HEADER_SIZE];
  if (!extism_load_input(0, header, sizeof header)) {
    return false;
  }
  const uint32_t sections = little_endian(header + 4, 2);
  *offset = HAPPN_HEADER_SIZE + (uint64_t)sections * HAPPN_SECTION_HEADER_SIZE;
  for (uint32_t i = 0; i < sections; i++) {
    uint8_t section[HAPPN_SECTION_HEADER_SIZE];
    if (!extism_load_input(HAPPN_HEADER_SIZE + (uint64_t)i * HAPPN_SECTION_HEADER_SIZE, section, sizeof section)) {
      return false;
    }
    *length = little_endian(section + 4, 4);
    if (little_endian(section, 2) == HAPPN_SECTION_PATH) {
      return true;
    }
    *offset += *length;
  }
  return false;
}

int32_t EXTISM_EXPORTED_FUNCTION(happn_inbound) {
  uint64_t offset;
  uint32_t length;
  written = 0;
  if (!find_path(&offset, &length)) {
    return HAPPN_VERDICT_PASS;
  }
  if (length > max_bytes || !extism_load_input(offset, path, length)) {
    add("the path is longer than ");
    add_number(max_bytes);
    add(" bytes");
    return reject();
  }
  uint32_t levels = 0;
  for (uint32_t i = 0; i < length; i++) {
    if (!allowed[path[i]]) {
      add("the path has a character that is not allowed, at byte ");
      add_number(i);
      return reject();
    }
    if (path[i] == '/' && i + 1 < length && path[i + 1] != '/') {
      levels++;
    } else if (path[i] == '/') {
      add("the path has an empty level, at byte ");
      add_number(i);
      return reject();
    }
  }
  if (levels > max_levels) {
    add("the path has ");
    add_number(levels);
    add(" levels, more than ");
    add_number(max_levels);
    return reject();
  }
  return HAPPN_VERDICT_PASS;
}
