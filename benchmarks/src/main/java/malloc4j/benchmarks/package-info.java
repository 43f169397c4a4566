/// Benchmarks, each class named for the question that it answers, and the allocators that they put it to.
@NullMarked
package malloc4j.benchmarks;

import org.jspecify.annotations.NullMarked;
