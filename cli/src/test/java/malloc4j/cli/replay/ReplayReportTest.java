package malloc4j.cli.replay;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import malloc4j.cli.child.MachineFacts;
import org.junit.jupiter.api.Test;

/// The JSON document is a contract with other programs.
class ReplayReportTest {
    @Test
    void hasTheFieldsOfTheContract() {
        assertThat(Jsonb.instance().type(ReplayReport.class).toJson(Reports.report(false)))
                .startsWith("{\"machine\":{\"os\":\"Debian\",\"kernel\":\"Linux 6.1\",")
                .contains("\"results\":[{\"trace\":\"app.trace\",\"allocator\":\"malloc4j\",\"version\":\"0.1.0\","
                        + "\"threads\":2,\"events\":1234567,\"rounds\":5,\"nanosPerEvent\":12.34,"
                        + "\"medianNanosPerEvent\":13.57,\"roundNanosPerEvent\":[13.57,12.34],\"peakLiveBytes\":10485760,\"peakResidentBytes\":11534336,"
                        + "\"residentAfterFreeBytes\":524288},{")
                .contains("\"notes\":[{\"trace\":\"app.trace\",\"text\":\"a note\"}]")
                .contains("\"absent\":[{\"allocator\":\"jemalloc\",\"reason\":\"cannot load libjemalloc.so.2\"}]")
                .endsWith("\"failures\":[{\"trace\":\"app.trace\",\"allocator\":\"tcmalloc\","
                        + "\"reason\":\"event 3: no memory\"}]}");
    }

    @Test
    void verifiedIsTrueOrAbsent() {
        var type = Jsonb.instance().type(ReplayReport.class);
        assertThat(type.toJson(Reports.report(true))).contains("\"residentAfterFreeBytes\":524288,\"verified\":true}");
        assertThat(type.toJson(Reports.report(false))).doesNotContain("verified");
    }

    @Test
    void theMachineIsKnown() {
        assertThat(MachineFacts.read()).satisfies(machine -> {
            assertThat(machine.kernel()).startsWith("Linux ");
            assertThat(machine.processors()).isPositive();
            assertThat(machine.memoryBytes()).isGreaterThan(1L << 30);
        });
    }
}
