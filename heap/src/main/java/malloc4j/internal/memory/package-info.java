/// Words of raw memory: `RawMemory` is the one class that dereferences an address.
@NullMarked
package malloc4j.internal.memory;

import org.jspecify.annotations.NullMarked;
