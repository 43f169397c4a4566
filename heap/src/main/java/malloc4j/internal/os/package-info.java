/// The kernel, as one interface: [SystemCalls][malloc4j.internal.os.SystemCalls] speaks its terms,
/// [LinuxCalls][malloc4j.internal.os.LinuxCalls] reaches it through FFM.
///
/// The lowest level but one (below it only `memory`): it knows nothing of extents, spans or blocks. Its unit is the
/// mapping. Results are a value of zero or more, or minus errno ([Errno][malloc4j.internal.os.Errno]); nothing is
/// thrown for what the kernel refuses.
@NullMarked
package malloc4j.internal.os;

import org.jspecify.annotations.NullMarked;
