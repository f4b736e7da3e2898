/* SPDX-License-Identifier: Apache-2.0
 * The writer: a thread with a bounded queue before it and a list of what is done behind it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/store_priv.h"

static void list_init(struct store_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void list_add(struct store_list *list, struct store_job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct store_job *list_take(struct store_list *list)
{
    struct store_job *job = list->first;

    if (job == NULL)
        return NULL;
    list->first = job->next;
    if (list->first == NULL)
        list->last = &list->first;
    return job;
}

void store_job_free(struct store_job *job)
{
    if (job == NULL)
        return;
    for (size_t i = 0; job->items != NULL && i < job->count; i++) {
        free(job->items[i].id);
        free(job->items[i].body);
        secret_clear(&job->items[i].secret);
    }
    free(job->items);
    free(job);
}

/* ---- in the thread ---- */

static enum sp_err apply_all(struct store *s, const struct store_job *job)
{
    struct vault *vault = s->options.vault;
    struct store_set set;
    bool is_there;
    enum sp_err err = store_set_read(s->ops, s->writer, vault, &set, &is_there);

    if (err == SP_OK && !is_there)
        err = SP_EVALUE; /* store_open wrote it */
    for (size_t i = 0; err == SP_OK && i < job->count; i++)
        err = store_row_apply(s->ops, s->writer, vault, &job->items[i], &set);
    return err == SP_OK ? store_set_write(s->ops, s->writer, vault, &set) : err;
}

static enum sp_err write_job(struct store *s, const struct store_job *job)
{
    enum sp_err err;

    if (job->is_rotation)
        return store_reseal(s);
    err = s->ops->begin(s->writer, true);
    if (err != SP_OK)
        return err;
    err = apply_all(s, job);
    if (err == SP_OK)
        return s->ops->commit(s->writer);
    s->ops->rollback(s->writer);
    return err;
}

/* NULL at the end. */
static struct store_job *next_job(struct store *s)
{
    struct store_job *job;

    while ((job = list_take(&s->queue)) == NULL && !s->is_closing)
        pthread_cond_wait(&s->has_work, &s->lock);
    s->is_busy = job != NULL;
    return job;
}

static void *writer_main(void *ctx)
{
    struct store *s = ctx;
    struct store_job *job;

    pthread_mutex_lock(&s->lock);
    while ((job = next_job(s)) != NULL) {
        pthread_mutex_unlock(&s->lock);
        job->err = write_job(s, job);
        pthread_mutex_lock(&s->lock);
        s->queued--;
        s->queued_bytes -= job->bytes;
        list_add(&s->finished, job);
        s->is_busy = false;
        if (s->options.loop != NULL)
            ev_async_send(s->options.loop, &s->wake);
        pthread_cond_broadcast(&s->has_rest);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- in the loop's thread ---- */

void store_writer_deliver(struct store *s)
{
    struct store_job *job;

    for (;;) {
        pthread_mutex_lock(&s->lock);
        job = list_take(&s->finished);
        pthread_mutex_unlock(&s->lock);
        if (job == NULL)
            return;
        if (job->done != NULL)
            job->done(job->ctx, job->err);
        store_job_free(job);
    }
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
    (void)loop;
    (void)events;
    store_writer_deliver(wake->data);
}

enum sp_err store_writer_start(struct store *s)
{
    sigset_t all, old;

    list_init(&s->queue);
    list_init(&s->finished);
    SP_BUG(pthread_mutex_init(&s->lock, NULL) != 0 || pthread_cond_init(&s->has_work, NULL) != 0 ||
           pthread_cond_init(&s->has_rest, NULL) != 0);
    /* Signals are the loop's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(&s->thread, NULL, writer_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code != 0) {
        errno = code;
        return SP_ESYS;
    }
    s->is_running = true;
    if (s->options.loop != NULL) {
        ev_async_init(&s->wake, on_wake);
        s->wake.data = s;
        ev_async_start(s->options.loop, &s->wake);
        ev_unref(s->options.loop); /* it keeps no loop running */
    }
    return SP_OK;
}

void store_writer_stop(struct store *s)
{
    if (!s->is_running)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    pthread_cond_signal(&s->has_work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->is_running = false;
    store_writer_deliver(s);
    if (s->options.loop != NULL) {
        ev_ref(s->options.loop);
        ev_async_stop(s->options.loop, &s->wake);
    }
    pthread_cond_destroy(&s->has_rest);
    pthread_cond_destroy(&s->has_work);
    pthread_mutex_destroy(&s->lock);
}

enum sp_err store_writer_queue(struct store *s, struct store_job *job)
{
    enum sp_err err = SP_OK;

    pthread_mutex_lock(&s->lock);
    if (s->is_closing || s->is_frozen) {
        err = SP_ESTATE;
    } else if (s->queued >= STORE_QUEUE_MAX || s->queued_bytes + job->bytes > STORE_QUEUE_BYTES) {
        err = SP_ESPACE;
    } else {
        s->queued++;
        s->queued_bytes += job->bytes;
        list_add(&s->queue, job);
        pthread_cond_signal(&s->has_work);
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

void store_flush(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->queue.first != NULL || s->is_busy)
        pthread_cond_wait(&s->has_rest, &s->lock);
    pthread_mutex_unlock(&s->lock);
    store_writer_deliver(s);
}

void store_freeze(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_frozen = true;
    pthread_mutex_unlock(&s->lock);
}
