package dev.anima.runs.script;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PowerShellScriptTest {
  private static final String RUN = "python anima_train_network.py ";

  @TempDir Path folder;
  private Scripts scripts;

  @BeforeEach
  void lay() {
    scripts = new Scripts(folder, false);
  }

  @Test
  void readsAScriptThatCollectsItsFlagsInAList() {
    assertThat(
            scripts.flags(
                "train.ps1",
                """
                # settings | 参数
                $pretrained_model = "./models/anima base.safetensors" # the DiT
                $is_v2 = 0
                [int]$network_dim = 32
                $lr = "1e-4"
                $unet_lr = 1e-4
                $alpha = 1.0
                $reg_data_dir = ""
                $optimizer = "AdamW8bit"
                $use_wandb = $false
                $names = @(
                  "one"
                  "two", "three"
                )

                Set-Location $PSScriptRoot
                .\\venv\\Scripts\\activate
                $Env:HF_HOME = "huggingface"
                $ext_args = [System.Collections.ArrayList]::new()
                $launch_args = New-Object System.Collections.ArrayList

                if ($is_v2) {
                  [void]$ext_args.Add("--v2")
                }
                elseif ($network_dim -ge 16 -and !$use_wandb) {
                  [void]$ext_args.Add("--metadata_tags=dim $network_dim, $($names)")
                } else { [void]$ext_args.Add("--wrong") }
                if ($reg_data_dir) { $null = $ext_args.Add("--reg_data_dir=$reg_data_dir") }
                if ($optimizer -ilike "adamw*" -or $never -eq 1) { $ext_args += "--optimizer_args", "weight_decay=0.1" }

                python -m accelerate.commands.launch $launch_args --num_cpu_threads_per_process=8 "./anima_train_network.py" `
                  --pretrained_model_name_or_path=$pretrained_model `
                  --learning_rate=$lr --unet_lr $unet_lr --network_alpha=$alpha `
                  --output_name "$env:USERNAME`_x" 'betas=(0.9,0.99)' --max_train_steps 1e3 `
                  $ext_args

                Write-Output "Train finished"
                Read-Host | Out-Null
                """))
        .containsExactly(
            "--pretrained_model_name_or_path=./models/anima base.safetensors",
            "--learning_rate=1e-4",
            "--unet_lr",
            "1.0E-4",
            "--network_alpha=1",
            "--output_name",
            "me_x",
            "betas=(0.9,0.99)",
            "--max_train_steps",
            "1e3",
            "--metadata_tags=dim 32, one two three",
            "--optimizer_args",
            "weight_decay=0.1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "& .\\venv\\Scripts\\python.exe anima_train_network.py --seed=1",
        "& \"C:\\sd scripts\\accelerate.exe\" launch anima_train_network.py --seed=1 2>&1 | Tee-Object log.txt",
        "$a = @('--seed=1'); python anima_train_network.py @a",
        "foreach ($s in 1) { python anima_train_network.py --seed=$s }",
        "<# block\ncomment #>\nif (Test-Path train.ps1) { python anima_train_network.py --seed=1 }",
        "try { python anima_train_network.py --seed=1 } catch { Write-Host \"failed\" }",
        "param([int]$seed = 1, [string]$x = \"y\")\npython anima_train_network.py --seed=$seed",
        "function Pause { Read-Host }\npython anima_train_network.py --seed=1\nPause",
        "$t = Get-Date\npython anima_train_network.py --seed=1\nWrite-Host $t",
        "$s = 0; $s += 1; python anima_train_network.py \"--seed=$($s)\"",
        "python anima_train_network.py --seed=1\nexit\npython anima_train_network.py --seed=2"
      })
  void knowsTheWaysToStartATraining(String text) {
    assertThat(scripts.flags("train.ps1", text)).containsExactly("--seed=1");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "python anima_train_network.py --vae=\"a b|v.ps1:1: the quote \" opened here is not closed",
        "python anima_train_network.py --seed=$seed|v.ps1:1: $seed is not set above (in --seed=$seed)",
        "$s = Get-Random; python anima_train_network.py --seed=$s|v.ps1:1: Get-Random is the output of a command",
        "python anima_train_network.py betas=(0.9,0.99)|v.ps1:1: PowerShell reads the parenthesis",
        "while ($true) { python anima_train_network.py }|v.ps1:1: \"while\" is not followed",
        "if ($LASTEXITCODE -eq 0) { python anima_train_network.py }|v.ps1:1: a training depends on a condition",
        "if ($true) { python anima_train_network.py|v.ps1:1: the { opened here is not closed",
        "accelerate launch sdxl_train_network.py|v.ps1:1: sdxl_train_network.py trains an SDXL LoRA",
        "Write-Host hello|v.ps1: there is no training command in it"
      })
  void saysWhatItCannotUnderstandWithTheLine(String text, String message) {
    assertThatThrownBy(() -> scripts.read("v.ps1", text + "\n"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void blanksBehindABacktickAreAnError() {
    assertThatThrownBy(() -> scripts.read("v.ps1", RUN + "--seed=1 ` \n  --xformers\n"))
        .hasMessageContaining("v.ps1:1: blanks behind the `");
  }

  @Test
  void leavingAfterAFailureMeansThatSuccessIsNeeded() {
    assertThat(
            scripts
                .read("v.ps1", RUN + "\nif ($LASTEXITCODE -ne 0) { exit 1 }\n" + RUN)
                .trainings())
        .extracting(Script.Training::afterSuccess)
        .containsExactly(false, true);
  }
}
