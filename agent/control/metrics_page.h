#pragma once
/* The page that Prometheus scrapes: families as tables, samples straight from the runtime's
 * snapshots. The labels of services and probes are rendered once per policy and kept. */

#include "base/error.h"
#include "base/str.h"
#include "metrics/metrics.h"

struct runtime;
struct metrics_page; /* heap */

int metrics_page_new(struct metrics_page **ret, struct runtime *runtime);
void metrics_page_free(struct metrics_page *page); /* accepts NULL */

enum { METRICS_PAGE_KEPT_MAX = 4 * 1024 * 1024 };

/* The whole exposition, in a buffer that is handed over; its memory may come back by
 * metrics_page_reuse, which is the better half of what a scrape costs. -ENOMEM. Begins a new window
 * of what is "worst since the last scrape". */
int metrics_page_render(struct metrics_page *page, enum metrics_format format, struct strbuf *ret);

/* Takes the memory of an earlier page back, to keep it for the next or to free it. */
void metrics_page_reuse(struct metrics_page *page, char *memory);
