/// `malloc4j record`: a trace of what a running process does with a heap.
@NullMarked
package malloc4j.cli.record;

import org.jspecify.annotations.NullMarked;
