package malloc4j.cli.picture;

import java.util.ArrayList;
import java.util.List;
import malloc4j.observe.HeapBook;
import malloc4j.process.HeapBooks;

/// What is to be said of books that were read from outside, for people.
public final class BooksPicture {
    private BooksPicture() {}

    /// What they do not tell, and how sure the rest is, a sentence each.
    public static List<String> sentences(HeapBooks books) {
        List<String> sentences = new ArrayList<>();
        sentences.add("Read from memory without asking the process: what was asked for, samples and counts since the"
                + " beginning are not told."
                + (books.isCore() ? " Nor is what was resident: a core does not say." : ""));
        for (HeapBook heap : books.heaps()) {
            if (heap.arenaChunkBytes() > 0) {
                sentences.add("Of heap " + Texts.printable(heap.name()) + " up to " + Texts.size(heap.arenaChunkBytes())
                        + " that count as allocated may be kept for confined arenas.");
            }
        }
        sentences.addAll(books.notes());
        return sentences;
    }
}
