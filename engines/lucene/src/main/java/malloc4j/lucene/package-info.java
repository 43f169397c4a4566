/// Lucene's index files in memory, on a heap of malloc4j: [malloc4j.lucene.HeapDirectory].
@NullMarked
package malloc4j.lucene;

import org.jspecify.annotations.NullMarked;
