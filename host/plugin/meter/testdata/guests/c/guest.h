/* The jobs of the package jobs, in C without a library. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))

/* FNV-1a, of which marks are made. */
#define BASIS 14695981039346656037u
#define PRIME 1099511628211u

/* Where the host writes the input. */
extern uint8_t *input;

/* Memory that is free again when the next job begins. */
void *make(size_t size);
void make_none(void);

uint64_t mark_text(const uint8_t *text, size_t length);
