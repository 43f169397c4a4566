package malloc4j.cli.doctor;

import io.avaje.jsonb.Json;
import java.util.List;
import malloc4j.cli.health.Health;
import malloc4j.cli.picture.DoctorPicture;
import org.jspecify.annotations.Nullable;

/// What `doctor --json` prints. The field names are a contract.
///
/// @param pid absent where no process was named
/// @param verdict in words
/// @param findings the worst first; what is fine is among them
@Json
public record DoctorReport(@Nullable Long pid, String verdict, List<Finding> findings) {

    /// One thing that was looked at.
    ///
    /// @param severity fine, note, warning or severe
    @Json
    public record Finding(String name, String severity, String text, String fix) {}

    static DoctorReport of(Health health) {
        return new DoctorReport(
                health.pid() == 0 ? null : (Long) health.pid(),
                DoctorPicture.verdict(health),
                health.findings().stream()
                        .map(each -> new Finding(each.name(), each.severity().toString(), each.text(), each.fix()))
                        .toList());
    }
}
