/* Reading and writing in batches, by a host that polls the descriptors itself. */
#include "random_transfers.h"

int main(void) {
    return random_transfers(COTHREAD_HOST_POLLS);
}
