// Listening sockets that the service manager has opened: sd_listen_fds(3)'s protocol.
#pragma once

#include <optional>
#include <string_view>

namespace msgstatus::receiver {

/// inherited_socket does return the descriptor of the socket of that name (FileDescriptorName= of the socket unit), or
/// nothing if there is none. The descriptor belongs to the caller from then on, who asks for a name once.
std::optional<int> inherited_socket(std::string_view name);

} // namespace msgstatus::receiver
