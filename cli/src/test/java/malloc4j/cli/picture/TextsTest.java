package malloc4j.cli.picture;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.process.AddressSpace;
import malloc4j.process.MemoryLimits;
import org.junit.jupiter.api.Test;

class TextsTest {
    @Test
    void sizesHaveThreeDigitsOrTheirTenths() {
        assertThat(Texts.size(0)).isEqualTo("-");
        assertThat(Texts.size(1)).isEqualTo("1 B");
        assertThat(Texts.size(1023)).isEqualTo("1023 B");
        assertThat(Texts.size(4096)).isEqualTo("4 KiB");
        assertThat(Texts.size(1500)).isEqualTo("1.5 KiB");
        assertThat(Texts.size(102_300)).isEqualTo("99.9 KiB");
        assertThat(Texts.size(102_400)).isEqualTo("100 KiB");
        assertThat(Texts.size((1 << 20) - 1)).isEqualTo("1 MiB");
        assertThat(Texts.size(1L << 40)).isEqualTo("1 TiB");
        assertThat(Texts.size((1L << 40) - (6L << 20))).isEqualTo("1 TiB");
        assertThat(Texts.size(Long.MAX_VALUE)).isEqualTo("8 EiB");
        assertThat(Texts.size(-1)).as("unsigned").isEqualTo("16 EiB");
    }

    @Test
    void namesCannotSteerTheTerminal() {
        assertThat(Texts.printable("a\u001b[31mb\tc\u0007")).isEqualTo("a?[31mb?c?");
        assertThat(Texts.printable("left\u202eright")).isEqualTo("left?right");
        assertThat(Texts.printable("\u00e4rger \u4e2d")).isEqualTo("\u00e4rger \u4e2d");
    }

    @Test
    void columnsLineUp() {
        Texts.Table table = new Texts.Table("name", " size", "what");
        table.add("a", "1,024", "first");
        table.addLine("a line as it is, longer than all");
        table.add("longer", "1", "");

        assertThat(table.toString()).isEqualTo("""
                name     size  what
                a       1,024  first
                a line as it is, longer than all
                longer      1
                """);
    }

    @Test
    void aRowThatDoesNotFitGoesOnInFurtherLines() {
        Texts.Table table = new Texts.Table("name", " size", "what");
        table.add("a name", "1,024", "a long remark that needs some lines");
        table.add("b", "1", "short");
        table.addLine("a line as it is");

        assertThat(table.toString(24)).isEqualTo("""
                name     size  what
                a name  1,024
                    a long remark that
                    needs some lines
                b           1  short
                a line as it is
                """);
        assertThat(Texts.wrapped("aaaaaaaaaaaaaaaaaaaaaaaaa bb", 20)).isEqualTo("""
                aaaaaaaaaaaaaaaaaaaa
                    aaaaa bb""");
    }

    @Test
    void everyLineOfALayoutAndOfLimitsFitsANarrowTerminal() {
        AddressSpace space = AddressSpace.ofThisProcess();
        MemoryLimits limits = MemoryLimits.read();
        for (int columns : new int[] {60, 72, 80, 100}) {
            assertThat(LayoutPicture.drawing(space, columns).lines())
                    .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(columns));
            assertThat(LayoutPicture.table(space, columns).lines())
                    .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(columns));
            assertThat(LayoutPicture.sums(space, columns).lines())
                    .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(columns));
            assertThat(LimitsPicture.table(limits, columns).lines())
                    .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(columns));
        }
        assertThat(LayoutPicture.drawing(space, 60)).contains("+- mmap top -", "resident");
    }
}
