/// What `/proc`, `/sys` and the memory of a process tell about it.
@NullMarked
package malloc4j.internal.proc;

import org.jspecify.annotations.NullMarked;
