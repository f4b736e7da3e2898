/* SPDX-License-Identifier: Apache-2.0
 * `sallyport serve`: from a configuration file to a running keeper.
 */
#ifndef SP_KEEPER_SERVE_H
#define SP_KEEPER_SERVE_H

/*
 * Start the service and stay in the foreground until it has ended. Whatever is wrong is said on
 * standard error with the place and a remedy, before anything was changed that matters.
 * Returns  the process's exit status: 0 stopped in order; 1 could not start
 */
int serve_main(const char *config_path);

/*
 * The same in a process that an older keeper started to take over from it; base/ipc's words come on
 * TAKEOVER_FD. Returns the exit status.
 */
int serve_heir_main(void);

#endif
