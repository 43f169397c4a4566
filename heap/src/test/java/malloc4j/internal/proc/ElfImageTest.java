package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Images of libraries that no C library of today makes, written into a file that stands for a process's memory.
///
/// ```
///   0x2000   header | program headers | dynamic section     the image, linked at 0x1000
///   0x2400   symbols: none, "absent" not defined here, "wanted"
///   0x2ff4   strings, over the end of a page
///   0x3800   DT_HASH: two words, bucket and symbol counts
/// ```
class ElfImageTest {
    private static final int BASE = 0x2000;
    private static final int LINKED = 0x1000;
    private static final int BIAS = BASE - LINKED;
    private static final int DYNAMIC = BASE + 0x200;
    private static final int SYMBOLS = BASE + 0x400;
    private static final int STRINGS = 0x2ff4;
    private static final int HASH = 0x3800;
    private static final int PAGE_BYTES = 4096;

    @TempDir
    private Path root;

    private final ByteBuffer memory = ByteBuffer.allocate(0x5000).order(ByteOrder.LITTLE_ENDIAN);

    @BeforeEach
    void writeImage() {
        memory.putInt(BASE, 0x464c457f).put(BASE + 4, (byte) 2);
        memory.putLong(BASE + 32, 64).putShort(BASE + 54, (short) 56).putShort(BASE + 56, (short) 3);
        segment(0, 1, 5, LINKED + 0x10, 0x1000, 0x1000); // text
        segment(1, 1, 6, LINKED + 0x1100, 0x10, 0x2500); // data, 0x10 bytes of which the file has
        segment(2, 2, 6, DYNAMIC - BIAS, 0x80, 0x80);
        symbol(1, 1, 0, 0x40);
        symbol(2, 8, 7, 0x80);
        memory.put(STRINGS, "\0absent\0wanted\0".getBytes(StandardCharsets.US_ASCII));
        memory.putInt(HASH, 1).putInt(HASH + 4, 3);
    }

    private void segment(int index, int type, int flags, long address, long fileBytes, long memoryBytes) {
        int header = BASE + 64 + index * 56;
        memory.putInt(header, type).putInt(header + 4, flags).putLong(header + 16, address);
        memory.putLong(header + 32, fileBytes).putLong(header + 40, memoryBytes);
    }

    private void symbol(int index, int name, int section, long value) {
        int symbol = SYMBOLS + index * 24;
        memory.putInt(symbol, name).putShort(symbol + 6, (short) section).putLong(symbol + 8, value);
    }

    /// Entries of the dynamic section, each a tag and an address.
    private void dynamic(long... words) {
        for (int index = 0; index < words.length; index++) {
            memory.putLong(DYNAMIC + index * Long.BYTES, words[index]);
        }
    }

    private ProcessMemory open() throws IOException {
        Path process = Files.createDirectories(root.resolve("proc/7"));
        Files.write(process.resolve("mem"), memory.array());
        SystemFiles files = new SystemFiles(root);
        return ProcessMemory.open(files, "/proc/7", PageStates.open(files, "/proc/7", PAGE_BYTES));
    }

    @Test
    void withoutAGnuHashTableTheSymbolsAreSearched() throws IOException {
        dynamic(4, HASH, 5, STRINGS, 6, SYMBOLS);
        try (ProcessMemory process = open()) {
            ElfImage image = ElfImage.at(process, BASE, PAGE_BYTES);
            assertThat(image.symbol("wanted")).hasValue(BIAS + 0x80);
            assertThat(image.symbol("absent")).as("of another library").isEmpty();
            assertThat(image.symbol("want")).isEmpty();
        }
    }

    /// As where the C library has not written the addresses back.
    @Test
    void addressesOfTheDynamicSectionMayBeAsLinked() throws IOException {
        memory.putLong(BASE + 64 + 16, 0x10); // linked at 0: the bias is above every address in the image
        segment(2, 2, 6, DYNAMIC - BASE, 0x80, 0x80);
        dynamic(4, HASH - BASE, 5, STRINGS - BASE, 6, SYMBOLS - BASE);
        try (ProcessMemory process = open()) {
            assertThat(ElfImage.at(process, BASE, PAGE_BYTES).symbol("wanted")).hasValue(BASE + 0x80);
        }
    }

    @Test
    void bssIsWhatTheFileDoesNotHaveOfWritableSegments() throws IOException {
        try (ProcessMemory process = open()) {
            assertThat(ElfImage.at(process, BASE, PAGE_BYTES).bss())
                    .containsExactly(new ElfImage.Range(BIAS + LINKED + 0x2000, BIAS + LINKED + 0x4000));
        }
    }

    @Test
    void whatIsNoImageIsRefused() throws IOException {
        try (ProcessMemory process = open()) {
            assertThatThrownBy(() -> ElfImage.at(process, BASE + 8, PAGE_BYTES))
                    .isInstanceOf(IOException.class)
                    .hasMessage("no ELF header at 0x2008");
            assertThatThrownBy(() -> ElfImage.at(process, 0x5000, PAGE_BYTES))
                    .isInstanceOf(IOException.class)
                    .hasMessage("nothing can be read at 0x5000");
            ElfImage withoutSymbols = ElfImage.at(process, BASE, PAGE_BYTES);
            assertThatThrownBy(() -> withoutSymbols.symbol("wanted"))
                    .isInstanceOf(IOException.class)
                    .hasMessage("no dynamic symbols at 0x1000");
        }
    }

    @Test
    void numbersMayLieOverTheEndOfAPage() throws IOException {
        memory.putLong(0x0ffd, 0x8877_6655_4433_2211L);
        try (ProcessMemory process = open()) {
            assertThat(process.word(0x0ffd)).isEqualTo(0x8877_6655_4433_2211L);
            assertThat(process.number(0x0ffd)).isEqualTo(0x4433_2211);
            assertThat(process.string(STRINGS + 8)).isEqualTo("wanted");
        }
    }

    @Test
    void headersThatSayWhatCannotBeAreRefused() throws IOException {
        byte[] good = memory.array().clone();
        int data = BASE + 64 + 56;
        refused(good, BASE + 54, Short.BYTES, 0); // e_phentsize
        refused(good, BASE + 54, Short.BYTES, 32);
        refused(good, BASE + 56, Short.BYTES, 0xffff); // e_phnum: the count is elsewhere
        refused(good, BASE + 32, Long.BYTES, -1); // e_phoff
        refused(good, BASE + 32, Long.BYTES, Long.MAX_VALUE - 8);
        refused(good, data + 16, Long.BYTES, -PAGE_BYTES); // p_vaddr
        refused(good, data + 40, Long.BYTES, -1); // p_memsz
        refused(good, data + 40, Long.BYTES, 8); // less than the file has
        refused(good, data + 32, Long.BYTES, Long.MAX_VALUE); // p_filesz
        refused(good, data + 40, Long.BYTES, Long.MAX_VALUE);
    }

    private void refused(byte[] good, int offset, int bytes, long value) throws IOException {
        memory.put(0, good);
        for (int index = 0; index < bytes; index++) {
            memory.put(offset + index, (byte) (value >>> (index * Byte.SIZE)));
        }
        try (ProcessMemory process = open()) {
            assertThatThrownBy(() -> ElfImage.at(process, BASE, PAGE_BYTES))
                    .as("%x at %x", value, offset)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("says what cannot be");
        } finally {
            memory.put(0, good);
        }
    }

    /// Random words in random places: an answer, or the one exception.
    @Test
    void anyBytesAreReadOrRefused() throws IOException {
        dynamic(0x6ffffef5, HASH, 4, HASH, 5, STRINGS, 6, SYMBOLS);
        byte[] good = memory.array().clone();
        Random random = new Random(14);
        int read = 0;
        int refused = 0;
        for (int round = 0; round < 2_000; round++) {
            memory.put(0, good);
            for (int change = random.nextInt(4); change >= 0; change--) {
                int at = BASE + 8 * random.nextInt(0x1a00 / 8);
                long[] values = {random.nextLong(), random.nextInt(), -1, 0, 1L << random.nextInt(64), BASE};
                memory.putLong(random.nextBoolean() ? BASE + 8 * random.nextInt(40) : at, values[random.nextInt(6)]);
            }
            memory.putInt(BASE, 0x464c457f).put(BASE + 4, (byte) 2);
            try (ProcessMemory process = open()) {
                ElfImage image = ElfImage.at(process, BASE, PAGE_BYTES);
                assertThat(image.bss()).allSatisfy(bss -> {
                    assertThat(bss.start()).isPositive();
                    assertThat(bss.end()).isGreaterThan(bss.start());
                });
                var unused = image.symbol("wanted");
                read++;
            } catch (IOException isRefused) {
                refused++;
            }
        }
        assertThat(read).isBetween(10, 1_990);
        assertThat(refused).isEqualTo(2_000 - read);
    }
}
