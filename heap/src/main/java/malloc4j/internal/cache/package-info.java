/// Caches of free blocks in front of the slabs: the path without locks that nearly every malloc and free takes.
@NullMarked
package malloc4j.internal.cache;

import org.jspecify.annotations.NullMarked;
