/// Extents of address space: reserved in large steps, committed as they are used, and looked up by address.
@NullMarked
package malloc4j.internal.region;

import org.jspecify.annotations.NullMarked;
