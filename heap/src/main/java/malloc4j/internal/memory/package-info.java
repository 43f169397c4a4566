/// Words of raw memory: `RawMemory` dereferences addresses, and lends its handles to the warm path alone.
@NullMarked
package malloc4j.internal.memory;

import org.jspecify.annotations.NullMarked;
