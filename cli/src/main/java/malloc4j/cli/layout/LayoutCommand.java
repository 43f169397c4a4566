package malloc4j.cli.layout;

import malloc4j.cli.Page;
import malloc4j.cli.ProcessCommand;
import malloc4j.cli.picture.LayoutPicture;
import malloc4j.process.AddressSpace;
import picocli.CommandLine.Command;

/// `malloc4j layout`: a process's number in, its layout out.
@Command(
        name = "layout",
        description = {
            "Draws the memory of a process: what lies where, whose it is, and how much of it is in memory.",
            "",
            "The highest addresses are at the top. First come the zones and the gaps between them, then every range with"
                    + " one owner, then what each kind of owner has.",
        },
        footer = {
            "",
            "Of a JVM, the Java heap, code cache, metaspace and stacks are told apart, in JDK 17 and newer. That, and the"
                    + " stacks of other threads, needs the right to trace the process: the same user, and no"
                    + " kernel.yama.ptrace_scope against it. What nobody tells the owner of is anonymous.",
            "",
            "resident is what is in memory, proportional counts a page shared by n processes as one n-th, dirty has"
                    + " been written to. In JSON, addresses are hexadecimal text, and figures of an area that are 0 are"
                    + " left out.",
        })
public final class LayoutCommand extends ProcessCommand<AddressSpace> {
    @Override
    protected AddressSpace readOwn() {
        return AddressSpace.ofThisProcess();
    }

    @Override
    protected AddressSpace readOther(long number) {
        return AddressSpace.of(number);
    }

    @Override
    protected Object document(AddressSpace space) {
        return LayoutReport.of(space);
    }

    @Override
    protected void render(AddressSpace space, Page page) {
        page.line(space.toString()).blankLine();
        if (space.mappings().isEmpty()) {
            page.line("It has no memory of its own: a kernel thread, or a process that has ended.");
            return;
        }
        page.block(LayoutPicture.drawing(space, page.columns())).blankLine();
        page.block(LayoutPicture.table(space, page.columns())).blankLine();
        page.block(LayoutPicture.sums(space, page.columns()));
        if (!space.notes().isEmpty()) {
            page.blankLine();
            space.notes().forEach(page::line);
        }
    }
}
