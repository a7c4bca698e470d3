#ifndef HARNESS_VERSION_H
#define HARNESS_VERSION_H

#define ISRSIM_VERSION "0.1.0"

#endif
