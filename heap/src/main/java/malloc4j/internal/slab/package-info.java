/// Slabs: spans cut into equal blocks of one size class, in which a free block is a bit.
@NullMarked
package malloc4j.internal.slab;

import org.jspecify.annotations.NullMarked;
