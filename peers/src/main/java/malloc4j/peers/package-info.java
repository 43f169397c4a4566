/// malloc4j and the allocators that it is compared with, behind one interface: [malloc4j.peers.Allocator].
///
/// [malloc4j.peers.AllocatorName] lists them; [malloc4j.peers.Peers] makes one. The C libraries are reached through
/// critical downcalls, the fastest way that Java has. What is used here measures allocators; an application uses
/// them directly.
@NullMarked
package malloc4j.peers;

import org.jspecify.annotations.NullMarked;
