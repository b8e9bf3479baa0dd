// Tells the service manager how the program is doing: sd_notify(3)'s protocol, one datagram a state.
#pragma once

#include <string_view>

namespace msgstatus::receiver {

/// notify_service_manager does send a state such as `READY=1` to the socket that NOTIFY_SOCKET names. Without one, or
/// where nobody listens, nothing happens.
void notify_service_manager(std::string_view state);

/// notify_reloading and notify_ready do frame a reload: `RELOADING=1` with the time, then `READY=1`.
void notify_reloading();
void notify_ready();

} // namespace msgstatus::receiver
