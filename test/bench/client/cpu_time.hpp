// CPU time of other processes of this machine, from /proc.
#pragma once

namespace bench {

// Returns the CPU time that a process has used, in seconds; 0 where /proc does not say.
double cpu_seconds(int pid);

// Returns the CPU time of this process, all threads.
double own_cpu_seconds();

} // namespace bench
