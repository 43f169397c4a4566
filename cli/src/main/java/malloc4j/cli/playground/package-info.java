/// A heap to play with: a program whose blocks are allocated, touched and freed by hand, one request a line.
///
/// ```
///   serve             Playground            PlaygroundChild: a JVM of its own
///   POST /play   ->   "malloc 100 BY_SIZE"  ->   PlaygroundHeap.malloc
///                <-   a PlaygroundState     <-   what has come of it, in words, and all blocks
/// ```
@NullMarked
package malloc4j.cli.playground;

import org.jspecify.annotations.NullMarked;
