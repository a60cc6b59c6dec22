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

/* Adds the whole exposition to `out`. -ENOMEM. Begins a new window of what is "worst since the last
 * scrape". */
int metrics_page_render(struct metrics_page *page, enum metrics_format format, struct strbuf *out);
