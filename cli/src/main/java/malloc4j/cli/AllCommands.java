package malloc4j.cli;

import malloc4j.cli.bench.BenchCommand;
import malloc4j.cli.doctor.DoctorCommand;
import malloc4j.cli.explain.ExplainCommand;
import malloc4j.cli.heaps.ClassesCommand;
import malloc4j.cli.heaps.HeldCommand;
import malloc4j.cli.heaps.StatsCommand;
import malloc4j.cli.heaps.TopCommand;
import malloc4j.cli.heaps.TrimCommand;
import malloc4j.cli.layout.LayoutCommand;
import malloc4j.cli.learn.LearnCommand;
import malloc4j.cli.limits.LimitsCommand;
import malloc4j.cli.map.MapCommand;
import malloc4j.cli.record.RecordCommand;
import malloc4j.cli.replay.ReplayCommand;
import malloc4j.cli.serve.ServeCommand;
import malloc4j.cli.sites.LeaksCommand;
import malloc4j.cli.sites.SitesCommand;
import malloc4j.cli.who.WhoCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/// [Main] with every command, in the order of its help; what completion and man pages are made of.
@Command(
        subcommands = {
            ReplayCommand.class,
            BenchCommand.class,
            LayoutCommand.class,
            LimitsCommand.class,
            WhoCommand.class,
            MapCommand.class,
            DoctorCommand.class,
            SitesCommand.class,
            LeaksCommand.class,
            StatsCommand.class,
            ClassesCommand.class,
            TopCommand.class,
            HeldCommand.class,
            TrimCommand.class,
            ServeCommand.class,
            RecordCommand.class,
            ExplainCommand.class,
            LearnCommand.class,
            CommandLine.HelpCommand.class
        })
public final class AllCommands extends Main {}
