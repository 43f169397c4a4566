package malloc4j.observe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import malloc4j.observe.MisuseReport.Block;
import malloc4j.observe.MisuseReport.Call;
import malloc4j.observe.MisuseReport.Finding;
import org.junit.jupiter.api.Test;

/// The same report as text and as JSON.
class MisuseReportTest {
    private static final List<StackTraceElement> STACK = List.of(
            new StackTraceElement("a.Table", "evict", "Table.java", 88),
            new StackTraceElement("a.Main", "<init>", null, -1));

    @Test
    void aReportWithAllThatCanBeKnown() {
        Block block = new Block(
                0x7f00_0000_1000L,
                64,
                false,
                new Call("main", 2_000_000_000L, List.of()),
                new Call("a \"name\"\n", 1_500_000, STACK));
        MisuseReport report = new MisuseReport(
                "free",
                0x7f00_0000_1000L,
                "heap 'c\\d'",
                Finding.FREE_BLOCK,
                "double free",
                block,
                List.of(new Block(0x7f00_0000_2000L, 32, true)));
        assertThat(report.json())
                .isEqualTo("{\"call\": \"free\", \"address\": 139637976731648, \"addressText\": \"0x7f0000001000\","
                        + " \"allocator\": \"heap 'c\\\\d'\", \"finding\": \"FREE_BLOCK\", \"text\": \"double free\","
                        + " \"block\": {\"address\": 139637976731648, \"byteSize\": 64, \"state\": \"free\","
                        + " \"allocated\": {\"thread\": \"main\", \"ageNanos\": 2000000000, \"stack\": []},"
                        + " \"freed\": {\"thread\": \"a \\\"name\\\"\\u000a\", \"ageNanos\": 1500000, \"stack\":"
                        + " [\"a.Table.evict(Table.java:88)\", \"a.Main.<init>(Unknown Source)\"]}},"
                        + " \"neighbours\": [{\"address\": 139637976735744, \"byteSize\": 32, \"state\": \"live\"}]}");
        assertThat(report.message())
                .isEqualTo("free(0x7f0000001000) of heap 'c\\d': double free; nearest live blocks: 32 bytes at"
                        + " 0x7f0000002000\n    allocated by thread 'main' 2.000 s before\n    freed by thread 'a"
                        + " \"name\"\n' 0.002 s before\n        at a.Table.evict(Table.java:88)\n        at"
                        + " a.Main.<init>(Unknown Source)");
    }

    @Test
    void aReportOfAnAddressThatNobodyKnows() {
        MisuseReport report =
                new MisuseReport("free", 16, "heap 'h'", Finding.FOREIGN, "foreign address", null, List.of());
        assertThat(report.json())
                .isEqualTo(
                        "{\"call\": \"free\", \"address\": 16, \"addressText\": \"0x10\", \"allocator\": \"heap 'h'\","
                                + " \"finding\": \"FOREIGN\", \"text\": \"foreign address\", \"neighbours\": []}");
        assertThat(report.message()).isEqualTo("free(0x10) of heap 'h': foreign address");
    }
}
