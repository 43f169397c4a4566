package malloc4j.cli.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InvalidClassException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.HashMap;
import java.util.List;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import org.junit.jupiter.api.Test;

class AcceptedRecordsTest {
    @Test
    void aProfileIsReadWhateverItHas() throws Exception {
        List<StackTraceElement> stack = List.of(Thread.currentThread().getStackTrace());
        for (List<StackTraceElement> frames : List.of(List.<StackTraceElement>of(), stack.subList(0, 2), stack)) {
            var site = new AllocationSite(frames, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
            for (List<AllocationSite> sites :
                    List.of(List.of(site), List.<AllocationSite>of(), List.of(site, site, site))) {
                var profile = new AllocationProfile("common", 1, 2, sites);
                assertThat(read(profile)).isEqualTo(profile);
            }
        }
    }

    @Test
    void nothingElseIsRead() {
        assertThatThrownBy(() -> read(new HashMap<>())).isInstanceOf(InvalidClassException.class);
        assertThatThrownBy(() -> read(new Object[] {new HashMap<>()})).isInstanceOf(InvalidClassException.class);
    }

    private static Object read(Object written) throws IOException, ClassNotFoundException {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(written);
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            in.setObjectInputFilter(new AcceptedRecords(AllocationProfile.class, AllocationSite.class));
            return in.readObject();
        }
    }
}
