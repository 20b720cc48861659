package dev.anima.runs.script;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShellScriptTest {
  private static final String RUN = "python anima_train_network.py ";

  @TempDir Path folder;
  private Scripts scripts;

  @BeforeEach
  void lay() {
    scripts = new Scripts(folder, false);
  }

  @Test
  void readsAScriptWithVariablesAndAList() {
    assertThat(
            scripts.flags(
                "train.sh",
                """
                #!/bin/bash
                # settings
                pretrained="./models/anima base.safetensors" # the DiT
                network_dim=32
                reg_data_dir=""
                unet_only=1
                noise_offset="0"
                export HF_HOME="huggingface"

                args=()
                launch=(--num_processes=1)
                if [[ $unet_only == 1 ]]; then args+=("--network_train_unet_only"); fi
                if [ -n "$reg_data_dir" ]; then
                  args+=(--reg_data_dir "$reg_data_dir")
                elif [[ $network_dim -gt 16 && $noise_offset != "0" ]]; then
                  args+=(--wrong)
                else
                  args+=("--metadata_author" "no reg $network_dim")
                fi
                if [[ $never_set ]]; then args+=(--wrong); fi
                args+=("--lr_warmup_steps 5")
                source venv/bin/activate

                python -m accelerate.commands.launch ${launch[@]} --num_cpu_threads_per_process=8 "./anima_train_network.py" \\
                  --pretrained_model_name_or_path="$pretrained" \\
                  --optimizer_args weight_decay=0.1 "betas=(0.9,0.99)" \\
                  --output_name='a $b' --output_dir=${OUT:-out}/x \\
                  "${args[@]}"
                """))
        .containsExactly(
            "--pretrained_model_name_or_path=./models/anima base.safetensors",
            "--optimizer_args",
            "weight_decay=0.1",
            "betas=(0.9,0.99)",
            "--output_name=a $b",
            "--output_dir=out/x",
            "--network_train_unet_only",
            "--metadata_author",
            "no reg 32",
            "--lr_warmup_steps 5");
  }

  @Test
  void textWithoutQuotesIsCutAtBlanks() {
    assertThat(
            scripts.flags(
                "v.sh",
                "A='--seed 1'\nL=('x y' z)\nE=''\n"
                    + RUN
                    + "$A ${L[@]} \"${L[@]}\" $E \"$E\" a\"$A\"b"))
        .containsExactly("--seed", "1", "x", "y", "z", "x y", "z", "", "a--seed 1b");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CUDA_VISIBLE_DEVICES=0 accelerate launch anima_train_network.py --seed=1",
        "nohup python3.11 -u anima_train_network.py --seed=1 &",
        "cd \"$(dirname \"$0\")\" && python anima_train_network.py --seed=1",
        "cd \"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\" || exit 1\npython anima_train_network.py --seed=1",
        "time python anima_train_network.py --seed=1 2>&1 | tee log.txt",
        "for s in 1; do\n  python anima_train_network.py --seed=$s\ndone",
        "python anima_train_network.py --seed=1 # the end",
        "cat <<EOF\nit's python anima_train_network.py\nEOF\npython anima_train_network.py --seed=1",
        "if [ ! -d nowhere ]; then python anima_train_network.py --seed=1; fi",
        "S=1; python anima_train_network.py --seed=${S}",
        "conda activate x; eval \"$(conda shell.bash hook)\"; { python anima_train_network.py --seed=1; }",
        "./anima train --seed=1",
        "env A=1 nice -n 10 python anima_train_network.py --seed=1",
        "usage() { echo \"say it\"; exit 1; }\npython anima_train_network.py --seed=1",
        "while sleep 1; do echo x; done\npython anima_train_network.py --seed=1",
        "case $HOME in\n a) echo 1 ;;\n *) echo 2 ;;\nesac\npython anima_train_network.py --seed=1",
        "(( n = 1 + 2 ))\npython anima_train_network.py --seed=1"
      })
  void knowsTheWaysToStartATraining(String text) {
    assertThat(scripts.flags("v.sh", text)).containsExactly("--seed=1");
  }

  @Test
  void entersFolders() throws IOException {
    Files.createDirectories(folder.resolve("a/b"));
    Script script =
        scripts.read("v.sh", "cd a\npushd b\n" + RUN + "\npopd\n" + RUN + "\ncd ..\n" + RUN);
    assertThat(script.trainings())
        .extracting(training -> training.folder().path())
        .containsExactly(folder.resolve("a/b"), folder.resolve("a"), folder);
  }

  @Test
  void successIsNeededWhereTheScriptAsksForIt() {
    assertThat(
            scripts
                .read("v.sh", RUN + "&& " + RUN + "\n" + RUN + "\nset -euo pipefail\n" + RUN)
                .trainings())
        .extracting(Script.Training::afterSuccess)
        .containsExactly(false, true, false, true);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "python anima_train_network.py --vae=\"a b#v.sh:1: the quote \" opened here is not closed",
        "python anima_train_network.py --vae='a b#v.sh:1: the quote ' opened here is not closed",
        "python anima_train_network.py --seed=$SEED#v.sh:1: $SEED is not set above (in --seed=$SEED)",
        "python anima_train_network.py --seed=$1#v.sh:1: $1 would be an argument given to the script",
        "python anima_train_network.py --output_name=$(date)#v.sh:1: $(date) is the output of a command",
        "python anima_train_network.py --seed=$((1+1))#v.sh:1: $((1+1)) is calculated",
        "while true; do python anima_train_network.py; done#v.sh:1: \"while\" is not followed",
        "if nvidia-smi; then python anima_train_network.py; fi#v.sh:1: a training depends on a condition",
        "ls x || python anima_train_network.py#v.sh:1: \"||\" starts a training only after a failure",
        "if true; then python anima_train_network.py#v.sh:1: this \"if\" has no \"fi\"",
        "args=(a b#v.sh:1: the list opened here with ( is not closed",
        "python sdxl_train_network.py#v.sh:1: sdxl_train_network.py trains an SDXL LoRA, not an Anima LoRA",
        "echo python anima_train_network.py#v.sh: there is no training command in it"
      })
  void saysWhatItCannotUnderstandWithTheLine(String text, String message) {
    assertThatThrownBy(() -> scripts.read("v.sh", text + "\n"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void aValueSetUnderAnUnknownConditionIsNotGuessed() {
    assertThatThrownBy(
            () -> scripts.read("v.sh", "S=1\nif nvidia-smi; then S=2; fi\n" + RUN + "--seed=$S\n"))
        .hasMessageContaining("v.sh:3: $S is set under a condition");
  }

  @Test
  void saysWhatTakesTheFlagsOfTheTagger() {
    Script script =
        scripts.read(
            "all.sh",
            "python finetune/tag_images_by_wd14_tagger.py nami --onnx --batch_size 4\n"
                + RUN
                + "\n");
    assertThat(script.trainings()).hasSize(1);
    assertThat(script.steps().getFirst())
        .isInstanceOfSatisfying(
            Script.Skipped.class,
            skipped -> assertThat(skipped.reason()).contains("\"anima tag\" takes these flags"));
  }
}
