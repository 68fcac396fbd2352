/* plugin_that_waits.c - a plugin for a_plugin_waits_while_it_is_loaded.c.
 * SPDX-License-Identifier: Apache-2.0 */
void wait_for_ticks(void);

__attribute__((constructor)) static void wait(void) {
    wait_for_ticks();
}
