package dev.anima.runs.script;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BatchScriptTest {
  @TempDir Path folder;
  private Scripts scripts;

  @BeforeEach
  void lay() {
    scripts = new Scripts(folder, false);
  }

  private static final String RUN = "python anima_train_network.py ";

  @Test
  void readsTheArticlesFile() {
    Script script =
        scripts.read(
            "panchy.bat",
            """
            @echo off\r
            rem Panchy, 1200 steps\r
            call .\\venv\\Scripts\\activate\r
            accelerate launch --num_cpu_threads_per_process 1 anima_train_network.py ^\r
             --pretrained_model_name_or_path="C:\\models\\anima base.safetensors" ^\r
             --qwen3="C:\\models\\qwen_3_06b_base.safetensors" --vae="C:\\models\\vae.safetensors" ^\r
             --dataset_config="panchy.toml" --output_dir="C:\\loras" --output_name="panchy" ^\r
             --network_module=networks.lora_anima --network_dim=4 --network_alpha=4 ^\r
             --network_args rank_dropout=0.1 module_dropout=0.1 ^\r
             --optimizer_type="AdamW8bit" --optimizer_args weight_decay=0.11 betas=(0.9,0.99) ^\r
             --lr_scheduler="cosine_with_restarts" --lr_warmup=5 --max_train_epochs=60 ^\r
             --metadata_description="trigger words: 1girl, panchy & more" ^\r
             --xformers --split_attn\r
            pause\r
            """);

    assertThat(script.trainings()).hasSize(1);
    Script.Training training = script.trainings().getFirst();
    assertThat(training.place().line()).isEqualTo(4);
    assertThat(training.flags())
        .containsExactly(
            "--pretrained_model_name_or_path=C:\\models\\anima base.safetensors",
            "--qwen3=C:\\models\\qwen_3_06b_base.safetensors",
            "--vae=C:\\models\\vae.safetensors",
            "--dataset_config=panchy.toml",
            "--output_dir=C:\\loras",
            "--output_name=panchy",
            "--network_module=networks.lora_anima",
            "--network_dim=4",
            "--network_alpha=4",
            "--network_args",
            "rank_dropout=0.1",
            "module_dropout=0.1",
            "--optimizer_type=AdamW8bit",
            "--optimizer_args",
            "weight_decay=0.11",
            "betas=(0.9,0.99)",
            "--lr_scheduler=cosine_with_restarts",
            "--lr_warmup=5",
            "--max_train_epochs=60",
            "--metadata_description=trigger words: 1girl, panchy & more",
            "--xformers",
            "--split_attn");
    assertThat(training.notes()).isEmpty();
    assertThat(script.steps())
        .filteredOn(Script.Skipped.class::isInstance)
        .extracting(step -> ((Script.Skipped) step).command())
        .containsExactly("call .\\venv\\Scripts\\activate", "pause");
  }

  @Test
  void fillsInVariables() throws IOException {
    Files.createDirectory(folder.resolve("sub"));
    Script script =
        scripts.read(
            "v.bat",
            """
            set MODELS=models dir
            set "OUT=out & more"
            set NAME=nami
            set FLAGS=--seed=1 --xformers
            cd /d "%~dp0sub"
            python ..\\anima_train_network.py --vae="%models%\\vae.safetensors" --output_dir="%OUT%" %FLAGS% ^
              --output_name=%NAME%_%USERNAME% --metadata_author=%NAME:mi=MI% --lr_warmup_steps=5%%
            """);
    Script.Training training = script.trainings().getFirst();
    assertThat(training.flags())
        .containsExactly(
            "--vae=models dir\\vae.safetensors",
            "--output_dir=out & more",
            "--seed=1",
            "--xformers",
            "--output_name=nami_me",
            "--metadata_author=naMI",
            "--lr_warmup_steps=5%");
    assertThat(training.folder().path()).isEqualTo(folder.resolve("sub"));
    assertThat(training.folder().lost()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "accelerate launch anima_train_network.py --seed=1",
        "accelerate launch --mixed_precision fp16 --num_cpu_threads_per_process=1 .\\anima_train_network.py --seed=1",
        "accelerate.exe launch \"C:\\sd scripts\\anima_train_network.py\" --seed=1",
        "python -m accelerate.commands.launch --num_processes 1 anima_train_network.py --seed=1",
        ".\\venv\\Scripts\\python.exe -u anima_train_network.py --seed=1",
        "\"C:\\sd scripts\\venv\\Scripts\\accelerate\" launch anima_train_network.py --seed=1",
        "call accelerate launch anima_train_network.py --seed=1",
        "start \"my run\" /wait /b python anima_train_network.py --seed=1",
        "@python anima_train_network.py \"--seed=1\"",
        "if exist v.bat (python anima_train_network.py --seed=1)",
        "if not exist nothing.txt python anima_train_network.py --seed=1",
        "if \"%NOTHING%\"==\"\" (\n  echo unset\n  python anima_train_network.py --seed=1\n) else (\n  pause\n)",
        "set A=b\nif /i %A%==B python anima_train_network.py --seed=1",
        "if 5 lss 4 (pause) else (python anima_train_network.py --seed=1)",
        "goto go\npython anima_train_network.py --seed=2\n:go\npython anima_train_network.py --seed=1",
        "python anima_train_network.py --seed=1\nexit /b\npython anima_train_network.py --seed=2",
        "setlocal EnableDelayedExpansion\nset S=1\n(\nset S=1\npython anima_train_network.py --seed=!S!\n)",
        "anima train --seed=1",
        "./anima.bat train --seed=1",
        "uv run python anima_train_network.py --seed=1",
        "echo it's %TIME% \"o'clock\nrem \"\npython anima_train_network.py --seed=1"
      })
  void knowsTheWaysToStartATraining(String text) {
    assertThat(scripts.flags("v.bat", text)).containsExactly("--seed=1");
  }

  @Test
  void loopsOverAListAreSeveralTrainings() {
    Script script =
        scripts.read(
            "v.bat",
            """
            for %%d in (4 8, 16) do (
              python anima_train_network.py --network_dim=%%d --output_name="dim %%d"
            )
            for /l %%i in (1,1,2) do python anima_train_network.py --seed=%%i
            """);
    assertThat(script.trainings())
        .extracting(training -> String.join("|", training.flags()))
        .containsExactly(
            "--network_dim=4|--output_name=dim 4",
            "--network_dim=8|--output_name=dim 8",
            "--network_dim=16|--output_name=dim 16",
            "--seed=1",
            "--seed=2");
  }

  @Test
  void successIsNeededWhereTheScriptAsksForIt() {
    Script script =
        scripts.read(
            "v.bat",
            """
            python anima_train_network.py --seed=1
            python anima_train_network.py --seed=2 && python anima_train_network.py --seed=3
            python anima_train_network.py --seed=4 || exit /b 1
            python anima_train_network.py --seed=5
            """);
    assertThat(script.trainings())
        .extracting(Script.Training::afterSuccess)
        .containsExactly(false, false, true, false, true);
    assertThat(scripts.read("v.bat", RUN + "\nif errorlevel 1 exit /b 1\n" + RUN).trainings())
        .extracting(Script.Training::afterSuccess)
        .containsExactly(false, true);
    assertThat(scripts.read("v.bat", RUN + "\nif %errorlevel% neq 0 pause\n" + RUN).trainings())
        .extracting(Script.Training::afterSuccess)
        .containsExactly(false, false);
  }

  @Test
  void whatIsAskedAroundATrainingIsTold() {
    Script script =
        scripts.read(
            "v.bat",
            """
            set CUDA_VISIBLE_DEVICES=1
            accelerate launch --multi_gpu --num_processes=2 --gpu_ids 0 anima_train_network.py --seed=1 > log.txt 2>&1
            python anima_train_network.py --lr_warmup_steps=5% --seed=1 2>nul
            """);
    assertThat(script.trainings().getFirst().flags()).containsExactly("--seed=1");
    assertThat(script.trainings().getFirst().notes())
        .anyMatch(note -> note.contains("log.txt"))
        .anyMatch(note -> note.contains("--multi_gpu"))
        .anyMatch(note -> note.contains("--num_processes 2"))
        .anyMatch(note -> note.contains("--device cuda:0"))
        .hasSize(4);
    assertThat(script.trainings().getLast().flags())
        .containsExactly("--lr_warmup_steps=5", "--seed=1");
    assertThat(script.notes())
        .anyMatch(note -> note.contains("v.bat:1") && note.contains("--device cuda:1"))
        .anyMatch(note -> note.contains("v.bat:3") && note.contains("single %"));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "python anima_train_network.py --vae=\"a b|v.bat:1: |quote is opened and not closed",
        "python anima_train_network.py --vae=\"a ^|v.bat:1: |does not continue the command",
        "python anima_train_network.py --output_dir=\"C:\\out\\\"|v.bat:1: |without a backslash at its end",
        "python anima_train_network.py --seed=1 ^ |v.bat:1: |blanks behind the ^",
        "python anima_train_network.py --seed=%SEED%|v.bat:1: |%SEED% is not set above (in --seed=%SEED%)",
        "python anima_train_network.py --seed=%TIME%|v.bat:1: |%TIME% is only known while the script runs",
        "python anima_train_network.py --seed=%1|v.bat:1: |%1 would be an argument given to the script",
        "accelerate launch sdxl_train_network.py --seed=1|v.bat:1: |sdxl_train_network.py trains an SDXL LoRA, not an Anima LoRA",
        "python flux_train_network.py --seed=1|v.bat:1: |FLUX.1",
        "python my_trainer.py --seed=1|v.bat:1: |my_trainer.py trains something else",
        "frobnicate anima_train_network.py --seed=1|v.bat:1: |\"frobnicate\" is not known to start anima_train_network.py",
        "if %errorlevel%==0 python anima_train_network.py|v.bat:1: |only after a failure",
        "if exist a (python anima_train_network.py|v.bat:1: |parenthesis opened here is not closed",
        "for %%f in (*.toml) do python anima_train_network.py|v.bat:1: |this \"for\" is not worked out",
        "call :part|v.bat:1: |not followed",
        "goto back|v.bat:1: |only jumps forward",
        "echo hello|v.bat: |there is no training command in it",
        "pause|v.bat: |there is no training command in it"
      })
  void saysWhatItCannotUnderstandWithTheLine(String text, String place, String message) {
    String exact = message.contains("blanks") ? text + " " : text; // which CsvSource takes away
    assertThatThrownBy(() -> scripts.read("v.bat", exact + "\n"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(place)
        .hasMessageContaining(message);
  }

  @Test
  void aVariableTheUserIsAskedForIsNotGuessed() {
    assertThatThrownBy(() -> scripts.read("v.bat", "set /p S=seed? \n" + RUN + "--seed=%S%\n"))
        .hasMessageContaining("v.bat:2: %S% is asked for while the script runs");
  }

  @Test
  void anotherScriptWithTrainingsIsNotPassedOver() throws IOException {
    Files.writeString(folder.resolve("other.bat"), RUN);
    Files.writeString(folder.resolve("harmless.bat"), "set A=1");
    assertThatThrownBy(() -> scripts.read("v.bat", RUN + "\ncall other.bat\n"))
        .hasMessageContaining("v.bat:2: other.bat starts trainings of its own");
    assertThat(scripts.read("v.bat", RUN + "\ncall harmless.bat\n").trainings()).hasSize(1);
  }

  @Test
  void allProblemsAreToldAtOnce() {
    assertThatThrownBy(() ->
            scripts.read("v.bat", RUN + "--seed=%A%\npython train_network.py\n" + RUN + "%B%\n"))
        .hasMessageContaining("v.bat:1: ")
        .hasMessageContaining("v.bat:2: ")
        .hasMessageContaining("v.bat:3: ");
  }

  @Test
  void aFolderThatIsNotHereIsRememberedForRelativePaths() {
    Folder lost =
        scripts
            .read("v.bat", "cd /d D:\\sd-scripts\n" + RUN + "--seed=1\n")
            .trainings()
            .getFirst()
            .folder();
    assertThat(lost.lost().orElseThrow())
        .isEqualTo(
            folder.resolve("v.bat")
                + ":1: the folder D:\\sd-scripts is a Windows path, and this is not Windows");
    Folder missing =
        scripts.read("v.bat", "cd nowhere\n" + RUN + "--seed=1\n").trainings().getFirst().folder();
    assertThat(missing.lost().orElseThrow()).contains("v.bat:1: there is no folder");
  }

  @Test
  void readsTheCodePagesOfWindows() {
    byte[] western = (RUN + "--metadata_author=Jürgen").getBytes(Charset.forName("windows-1252"));
    assertThat(scripts.read("v.bat", western).trainings().getFirst().flags())
        .containsExactly("--metadata_author=Jürgen");
    byte[] utf8 = ("\uFEFF" + RUN + "--metadata_author=海").getBytes(StandardCharsets.UTF_8);
    assertThat(scripts.read("v.bat", utf8).trainings().getFirst().flags())
        .containsExactly("--metadata_author=海");
    byte[] wide = ("\uFEFF" + RUN + "--seed=1\r\n").getBytes(StandardCharsets.UTF_16LE);
    assertThat(scripts.read("v.bat", wide).trainings().getFirst().flags())
        .containsExactly("--seed=1");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({"v.txt, must end in", "v, must end in", "none.bat, does not exist"})
  void theFileMustBeAScript(String name, String message) throws IOException {
    Path file = folder.resolve(name);
    if (!name.startsWith("none")) {
      Files.writeString(file, RUN);
    }
    assertThatThrownBy(() -> Script.read(file, Surroundings.of(folder, false)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(message);
  }

  @Test
  void aModelNamedByMistakeIsNoScript() throws IOException {
    Files.write(folder.resolve("model.bat"), new byte[] {1, 0, 0, 2});
    assertThatThrownBy(
            () -> Script.read(folder.resolve("model.bat"), Surroundings.of(folder, false)))
        .hasMessageContaining("is not a text file");
    assertThatThrownBy(() -> Script.read(folder.resolve("x.sh"), Surroundings.of(folder, false)))
        .hasMessageContaining("does not exist");
  }
}
