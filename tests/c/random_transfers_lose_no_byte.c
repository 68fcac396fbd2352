/* Reading and writing in batches, on a scheduler that polls by itself. */
#include "random_transfers.h"

int main(void) {
    return random_transfers(0);
}
