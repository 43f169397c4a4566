/// Where Arrow looks for a default, by name: these two classes stand in for those of `arrow-memory-unsafe`.
@NullMarked
package org.apache.arrow.memory.unsafe;

import org.jspecify.annotations.NullMarked;
