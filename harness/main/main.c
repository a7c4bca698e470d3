#include "harness/commands.h"

int main(int argc, char **argv)
{
    return isr_main(argc, argv);
}
