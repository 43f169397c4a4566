package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import malloc4j.faults.Maps;
import malloc4j.internal.region.Ground;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.state.Action;
import net.jqwik.api.state.ActionChain;
import net.jqwik.api.state.ActionChainArbitrary;
import net.jqwik.api.state.Transformer;

/// Random operations on one mapping against an array of bytes and one state for each page. After each, the mapping
/// is verified and the kernel's permissions and the contents are compared.
class MappingModelTest {
    private static final int PAGE = (int) Mapping.systemPageByteSize();
    private static final int MAX_PAGES = 12;

    @Property(tries = 60)
    void privateMemoryAgreesWithTheModel(@ForAll("privateMemory") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Property(tries = 30)
    void sharedMemoryAgreesWithTheModel(@ForAll("sharedMemory") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Property(tries = 60)
    void aFileAgreesWithTheModel(@ForAll("file") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Property(tries = 60)
    void aCopyOfAFileAgreesWithTheModel(@ForAll("copy") ActionChain<Model> chain) {
        chain.run().close();
    }

    @Provide
    ActionChainArbitrary<Model> privateMemory() {
        return chain(Kind.PRIVATE);
    }

    @Provide
    ActionChainArbitrary<Model> sharedMemory() {
        return chain(Kind.SHARED);
    }

    @Provide
    ActionChainArbitrary<Model> file() {
        return chain(Kind.FILE);
    }

    @Provide
    ActionChainArbitrary<Model> copy() {
        return chain(Kind.COPY);
    }

    private enum Kind {
        PRIVATE,
        SHARED,
        FILE,
        COPY
    }

    private static ActionChainArbitrary<Model> chain(Kind kind) {
        return ActionChain.startWith(() -> new Model(kind))
                .withAction(4, action("write", Model::write))
                .withAction(2, action("read", Model::read))
                .withAction(4, action("protect", Model::protect))
                .withAction(2, action("guard", Model::guard))
                .withAction(1, action("unguard", Model::unguard))
                .withAction(2, action("drop", Model::drop))
                .withAction(1, action("mark", Model::mark))
                .withAction(1, action("flush", Model::flush))
                .withAction(3, action("resize", Model::resize))
                .withMaxTransformations(40);
    }

    private interface Operation {
        void apply(Model model, int from, int to);
    }

    private static Action.Independent<Model> action(String name, Operation operation) {
        Arbitrary<Integer> any = Arbitraries.integers().between(0, 1 << 20);
        return () -> Combinators.combine(any, any)
                .as((from, to) -> step(name + " " + from + " " + to, model -> {
                    operation.apply(model, from, to);
                }));
    }

    private static Transformer<Model> step(String label, Consumer<Model> operation) {
        return Transformer.mutate(label, model -> {
            operation.accept(model);
            model.verify();
        });
    }

    /// The mapping, and what it must hold.
    private static final class Model {
        private static final int LEAD = 100; // of files

        private final Kind kind;
        private final int lead;
        private final int counted = Ground.process().mappings().used();
        private final byte[] file; // what pages are as long as nobody writes; zeroes where there is no file
        private final byte[] bytes; // from the base
        private final Protection[] protections = new Protection[MAX_PAGES];
        private final boolean[] guards = new boolean[MAX_PAGES];
        private final boolean[] marks = new boolean[MAX_PAGES];
        private final Path path;
        private final Mapping mapping;
        private int byteSize;
        private MemorySegment lent; // from before the last step
        private boolean lives;

        Model(Kind kind) {
            this.kind = kind;
            boolean hasFile = kind == Kind.FILE || kind == Kind.COPY;
            lead = hasFile ? LEAD : 0;
            byteSize = 6 * PAGE - 300;
            file = new byte[MAX_PAGES * PAGE];
            if (hasFile) {
                new Random(1).nextBytes(file);
            }
            bytes = file.clone();
            try {
                path = Files.createTempFile("model", ".bin");
                Files.write(path, new byte[PAGE]);
                Files.write(path, file, StandardOpenOption.APPEND); // the mapping begins in the second page
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            mapping = switch (kind) {
                case PRIVATE -> Mapping.anonymous(byteSize).map();
                case SHARED -> Mapping.anonymous(byteSize).shared().map();
                case FILE -> part().readWrite().map();
                case COPY -> part().copyOnWrite().map();
            };
            Arrays.fill(protections, Protection.READ_WRITE);
            lent = mapping.segment();
            lives = true;
        }

        private FileMappingBuilder part() {
            return Mapping.ofFile(path).offset(PAGE + lead).byteSize(byteSize);
        }

        private int pageCount() {
            return (lead + byteSize + PAGE - 1) / PAGE;
        }

        private boolean isReadable(int page) {
            return protections[page].isReadable() && !guards[page];
        }

        private boolean isWritable(int page) {
            return protections[page].isWritable() && !guards[page];
        }

        // Access

        void write(int any, int other) {
            access(any % byteSize, other, true);
        }

        void read(int any, int other) {
            access(any % byteSize, other, false);
        }

        private void access(int offset, int any, boolean writes) {
            int size = 1 + any % (byteSize - offset);
            int first = (lead + offset) / PAGE;
            int last = (lead + offset + size - 1) / PAGE;
            boolean readable = true;
            boolean writable = true;
            for (int page = first; page <= last; page++) {
                readable &= isReadable(page);
                writable &= isWritable(page);
            }
            if (!readable) {
                assertThatIllegalStateException().isThrownBy(() -> mapping.segment(offset, size));
                return;
            }
            MemorySegment part = mapping.segment(offset, size);
            assertThat(part.mismatch(MemorySegment.ofArray(bytes).asSlice(lead + offset, size)))
                    .isEqualTo(-1);
            if (!writes) {
                return;
            }
            if (!writable) {
                assertThatThrownBy(() -> part.set(JAVA_BYTE, 0, (byte) 1)).isInstanceOf(IllegalArgumentException.class);
                return;
            }
            byte[] news = new byte[size];
            new Random(any).nextBytes(news);
            part.copyFrom(MemorySegment.ofArray(news));
            System.arraycopy(news, 0, bytes, lead + offset, size);
        }

        // Changes of whole pages

        private interface PageChange {
            void apply(int page);
        }

        /// Runs an operation on a range of whole pages, and a change of the model for each.
        private void onPages(int any, int other, BiConsumer<Long, Long> operation, PageChange change) {
            int from = any % pageCount();
            int to = from + 1 + other % (pageCount() - from);
            long begin = Math.max(0, (long) from * PAGE - lead);
            long end = Math.min(byteSize, (long) to * PAGE - lead);
            operation.accept(begin, end - begin);
            for (int page = from; page < to; page++) {
                boolean readable = isReadable(page);
                boolean writable = isWritable(page);
                change.apply(page);
                lives &= (!readable || isReadable(page)) && (!writable || isWritable(page));
            }
        }

        void protect(int any, int other) {
            Protection protection = Protection.of((any >> 4) % 4);
            onPages(
                    any,
                    other,
                    (offset, size) -> mapping.protect(protection, offset, size),
                    page -> protections[page] = protection);
        }

        void guard(int any, int other) {
            onPages(any, other, (offset, size) -> mapping.advise(MemoryAdvice.GUARD_INSTALL, offset, size), page -> {
                if (!guards[page]) {
                    drop(page);
                }
                guards[page] = true;
            });
        }

        void unguard(int any, int other) {
            onPages(
                    any,
                    other,
                    (offset, size) -> mapping.advise(MemoryAdvice.GUARD_REMOVE, offset, size),
                    page -> guards[page] = false);
        }

        void drop(int any, int other) {
            onPages(any, other, (offset, size) -> mapping.advise(MemoryAdvice.DONTNEED, offset, size), this::drop);
        }

        private void drop(int page) {
            if (kind == Kind.PRIVATE || kind == Kind.COPY) {
                System.arraycopy(file, page * PAGE, bytes, page * PAGE, PAGE);
            }
        }

        void mark(int any, int other) {
            boolean on = (any & 16) != 0;
            onPages(
                    any,
                    other,
                    (offset, size) -> mapping.advise(on ? MemoryAdvice.DONTDUMP : MemoryAdvice.DODUMP, offset, size),
                    page -> marks[page] = on);
        }

        void flush(int any, int other) {
            int offset = any % byteSize;
            mapping.flush(offset, other % (byteSize - offset + 1));
        }

        // Size

        void resize(int any, int ignored) {
            int newByteSize = 1 + any % (MAX_PAGES * PAGE - lead);
            int before = pageCount();
            int after = (lead + newByteSize + PAGE - 1) / PAGE;
            if (after > before && kind == Kind.SHARED) {
                assertThatThrownBy(() -> mapping.resize(newByteSize)).isInstanceOf(UnsupportedOperationException.class);
                return;
            }
            if (after > before && !isOneMapping()) {
                assertThatIllegalStateException().isThrownBy(() -> mapping.resize(newByteSize));
                return;
            }
            lives &= newByteSize == byteSize;
            try {
                mapping.resize(newByteSize);
            } catch (SystemCallException keptApart) { // parts that were written while they differed
                assertThat(keptApart.errnoName()).isEqualTo("EFAULT");
                assertThat(after).isGreaterThan(before);
                assertThat(kernelMappings()).isGreaterThan(1);
                return;
            }
            byteSize = newByteSize;
            for (int page = after; page < before; page++) {
                drop(page);
            }
            for (int page = before; page < after; page++) {
                protections[page] = protections[before - 1];
                marks[page] = marks[before - 1];
                guards[page] = false;
            }
        }

        private boolean isOneMapping() {
            for (int page = 1; page < pageCount(); page++) {
                if (protections[page] != protections[0] || marks[page] != marks[0]) {
                    return false;
                }
            }
            return true;
        }

        // Checks

        void verify() {
            mapping.verify();
            assertThat(mapping.byteSize()).isEqualTo(byteSize);
            assertThat(lent.scope().isAlive()).as("the earlier segment lives").isEqualTo(lives);
            long base = mapping.address() - lead;
            for (Maps.Mapping kernels : Maps.all()) {
                for (int page = 0; page < pageCount(); page++) {
                    if (kernels.contains(base + (long) page * PAGE)) {
                        assertThat(kernels.permissions()).startsWith(permissions(protections[page]));
                    }
                }
            }
            assertThat(Ground.process().mappings().used() - counted).isGreaterThanOrEqualTo(1 + kernelMappings());
            boolean readable = true;
            for (int page = 0; page < pageCount(); page++) {
                int offset = Math.max(0, page * PAGE - lead);
                if (isReadable(page)) {
                    int size = Math.min(byteSize, (page + 1) * PAGE - lead) - offset;
                    assertThat(mapping.segment(offset, size)
                                    .mismatch(MemorySegment.ofArray(bytes).asSlice(lead + offset, size)))
                            .as("page %d", page)
                            .isEqualTo(-1);
                }
                readable &= isReadable(page);
            }
            if (readable) {
                lent = mapping.segment();
                lives = true;
            } else {
                assertThatIllegalStateException().isThrownBy(mapping::segment);
            }
        }

        private int kernelMappings() {
            long from = mapping.address() - lead;
            long to = from + (long) pageCount() * PAGE;
            return (int) Maps.all().stream()
                    .filter(kernels -> kernels.end() > from && kernels.start() < to)
                    .count();
        }

        private static String permissions(Protection protection) {
            return (protection.bits() & 1) == 0
                    ? (protection.bits() & 2) == 0 ? "--" : "-w"
                    : (protection.bits() & 2) == 0 ? "r-" : "rw";
        }

        void close() {
            mapping.close();
            assertThat(lent.scope().isAlive()).isFalse();
            assertThat(Ground.process().mappings().used()).isEqualTo(counted);
            try {
                byte[] now = Files.readAllBytes(path);
                assertThat(Arrays.copyOfRange(now, PAGE, now.length)).isEqualTo(kind == Kind.FILE ? bytes : file);
                Files.delete(path);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
