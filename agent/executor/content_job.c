#include "executor/content_job.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "executor/checkpoint_content.h"
#include "executor/program_content.h"
#include "executor/release_content.h"

static const struct content_kind *const kinds[ROLLBACK_KIND_COUNT] = {
        [ROLLBACK_CHECKPOINT] = &checkpoint_content,
        [ROLLBACK_RELEASE] = &release_content,
        [ROLLBACK_PACKAGE] = &package_content,
        [ROLLBACK_EXEC] = &exec_content,
};

bool content_job_needed(const struct service *service, enum content_task task) {
        return kinds[service->rollback->kind]->start[task] != NULL;
}

int content_job_start(struct content_job **ret, const struct content_request *request,
        content_done done, void *cookie, struct error *err) {
        const struct content_kind *kind = kinds[request->service->rollback->kind];
        struct content_job *job = calloc(1, kind->size);
        if (!job) {
                return error_set(err, ENOMEM, "out of memory");
        }
        job->kind = kind;
        job->request = *request;
        job->done = done;
        job->cookie = cookie;
        int r = kind->start[request->task](job, err);
        if (r < 0) {
                content_job_cancel(job);
                return r;
        }
        *ret = job;
        return 0;
}

void content_job_end(struct content_job *job) {
        content_done done = job->done;
        void *cookie = job->cookie;
        struct content_result result = job->result;
        content_job_cancel(job);
        done(cookie, &result);
}

void content_job_fail(struct content_job *job, int result, const char *format, ...) {
        va_list arguments;
        assert(result < 0);
        va_start(arguments, format);
        vsnprintf(job->result.text, sizeof(job->result.text), format, arguments);
        va_end(arguments);
        job->result.result = result;
        content_job_end(job);
}

void content_job_cancel(struct content_job *job) {
        if (job) {
                job->kind->release(job);
                free(job);
        }
}
