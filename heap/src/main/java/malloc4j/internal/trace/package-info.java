/// What a program does with a heap, written down as it happens: a trace, which can be replayed.
@NullMarked
package malloc4j.internal.trace;

import org.jspecify.annotations.NullMarked;
