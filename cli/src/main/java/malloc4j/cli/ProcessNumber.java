package malloc4j.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A process as commands take it: its number, or `self` for the command's own.
public final class ProcessNumber implements ITypeConverter<Long> {
    @Override
    public Long convert(String value) {
        if (value.equals("self")) {
            return ProcessHandle.current().pid();
        }
        try {
            return Long.valueOf(value);
        } catch (NumberFormatException wrong) {
            throw new TypeConversionException("'" + value + "' is neither a process's number nor self");
        }
    }
}
