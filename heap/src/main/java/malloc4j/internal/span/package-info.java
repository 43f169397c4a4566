/// Spans, runs of pages: found, kept, split and joined, and given back to the kernel when they stay unused.
@NullMarked
package malloc4j.internal.span;

import org.jspecify.annotations.NullMarked;
