/// A malloc for the JVM: [malloc4j.Malloc] has the C names over one common heap, [malloc4j.Heap] is a heap of your
/// own.
@NullMarked
package malloc4j;

import org.jspecify.annotations.NullMarked;
