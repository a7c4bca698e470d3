/* `isrsim help faults`: what random scenarios do. */
#ifndef HARNESS_HELP_FAULTS_H
#define HARNESS_HELP_FAULTS_H

void help_faults(void);

#endif
