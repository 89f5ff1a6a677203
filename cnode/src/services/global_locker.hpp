// The two processes beside the global name server. Both are linked to it and end with it, and their locks with them.
#pragma once

#include <memory>

#include <cnode/actors/behaviour.hpp>

namespace cnode::services {

// Takes global's lock in both partitions when two of them meet. One per node. From the name server it gets
//   {his_the_locker, HisLocker, Vsn, HisTag, MyTag}, {lock_set, HisLocker, IsSet, HisKnown, MyTag}, {cancel, Node, MyTag, [{To, Message}]}
// and tells it {lock_is_set, Node, MyTag, LockId} or {stalled, Node, MyTag} by a cast.
std::unique_ptr<actors::behaviour> make_locker();

// Registers and unregisters names on all known nodes, one after the other: {trans_all_known, What, From}, where What is
// {register, Name, Pid, Method}, {re_register, Name, Pid, Method}, {register_ext, Name, Pid, Method, Node} or {unregister, Name}.
std::unique_ptr<actors::behaviour> make_registrar();

}  // namespace cnode::services
