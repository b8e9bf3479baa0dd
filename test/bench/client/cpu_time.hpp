// CPU time of other processes of this machine, from /proc.
#pragma once

namespace bench {

// cpu_seconds returns the CPU time that a process has used, in seconds; 0 where /proc does not tell.
double cpu_seconds(int pid);

// own_cpu_seconds returns that of this process, all threads.
double own_cpu_seconds();

} // namespace bench
