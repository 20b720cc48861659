@echo off
rem Starts anima from a source checkout: finds JDK 25, builds with Maven when needed, runs the program.
rem
rem   anima COMMAND ...     run a command of the program (anima --help lists them)
rem   anima test [ARGS]     run all tests and static checks (mvn verify ARGS)
rem
rem Environment: JAVA_HOME (used if it is a JDK 25 or newer), ANIMA_GPU=0 or 1 (libtorch without or with
rem CUDA, otherwise chosen by whether an NVIDIA driver is there), ANIMA_JAVA_OPTIONS (more options for
rem java, such as -Xmx8g).

setlocal EnableExtensions DisableDelayedExpansion
rem Maven writes its files in UTF-8; captions and paths print in it too.
chcp 65001 >nul 2>nul
set "ROOT=%~dp0"
if "%ROOT:~-1%"=="\" set "ROOT=%ROOT:~0,-1%"
set "TARGET=%ROOT%\target"
set "PROPERTIES=%TARGET%\classes\dev\anima\cli\launch.properties"

call :find_jdk
if not defined JDK (
  echo anima: needs JDK 25 and found none: install it, for example Eclipse Temurin 25 from adoptium.net, or set JAVA_HOME to it 1>&2
  exit /b 1
)
set "JAVA_HOME=%JDK%"

call :choose_native
if errorlevel 1 exit /b 1

if "%~1"=="test" goto run_tests

call :must_build
if not defined BUILD goto run
call :build
if errorlevel 1 exit /b 1

:run
set "BLAS=openblas"
for /f "usebackq tokens=2 delims==" %%B in (`findstr /b /l /c:"blas=" "%PROPERTIES%"`) do set "BLAS=%%B"
rem The class path goes through the environment: a command line here may have 8191 characters only.
set "CLASSPATH="
for /f "usebackq delims=" %%L in ("%TARGET%\classpath.txt") do set "CLASSPATH=%TARGET%\classes;%%L"
if not defined OMP_WAIT_POLICY set OMP_WAIT_POLICY=PASSIVE
"%JDK%\bin\java.exe" --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -XX:+UseSerialGC -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 -XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000 -Dorg.bytedeco.openblas.load=%BLAS% -Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 %ANIMA_JAVA_OPTIONS% dev.anima.cli.Main %*
exit /b %ERRORLEVEL%

rem ---- which JDK

:find_jdk
set "JDK="
rem JAVA_HOME may have been set with quotes in it.
if defined JAVA_HOME call :try_jdk "%JAVA_HOME:"=%"
for /d %%D in (
  "%ProgramFiles%\Eclipse Adoptium\jdk-25*"
  "%ProgramFiles%\Java\jdk-25*"
  "%ProgramFiles%\Microsoft\jdk-25*"
  "%ProgramFiles%\Zulu\zulu-25*"
  "%ProgramFiles%\Amazon Corretto\jdk25*"
  "%ProgramFiles%\BellSoft\LibericaJDK-25*"
  "%LOCALAPPDATA%\Programs\Eclipse Adoptium\jdk-25*"
  "%USERPROFILE%\.jdks\*25*"
  "%USERPROFILE%\scoop\apps\*25*"
  "%ProgramFiles%\Eclipse Adoptium\jdk-*"
  "%ProgramFiles%\Java\jdk-*"
  "%ProgramFiles%\Microsoft\jdk-*"
  "%ProgramFiles%\Zulu\zulu-*"
  "%ProgramFiles%\Amazon Corretto\jdk*"
  "%ProgramFiles%\BellSoft\LibericaJDK-*"
  "%LOCALAPPDATA%\Programs\Eclipse Adoptium\jdk-*"
  "%USERPROFILE%\.jdks\*"
) do (
  call :try_jdk "%%~D"
  call :try_jdk "%%~D\current"
)
for /f "delims=" %%J in ('where java 2^>nul') do call :try_jdk "%%~dpJ.."
exit /b 0

rem Sets JDK to the folder %1 if it is a JDK 25 or newer and none was found before.
:try_jdk
if defined JDK exit /b 0
if "%~1"=="" exit /b 0
if not exist "%~1\bin\javac.exe" exit /b 0
if not exist "%~1\release" exit /b 0
rem The dot stands for a quotation mark: JAVA_VERSION="25.0.3"
findstr /b /r /c:"JAVA_VERSION=.2[5-9]" /c:"JAVA_VERSION=.[3-9][0-9]" "%~1\release" >nul 2>nul
if not errorlevel 1 set "JDK=%~f1"
exit /b 0

rem ---- which native libraries

:choose_native
set "GPU=%ANIMA_GPU%"
if defined GPU goto gpu_given
set "GPU=0"
if exist "%SystemRoot%\System32\nvcuda.dll" set "GPU=1"
where nvidia-smi >nul 2>nul
if not errorlevel 1 set "GPU=1"
:gpu_given
set "PROFILE="
if "%GPU%"=="0" exit /b 0
set "PROFILE=-Pgpu"
if "%ANIMA_TAGGER_GPU%"=="1" set "PROFILE=-Pgpu,tagger-gpu"
if "%GPU%"=="1" exit /b 0
echo anima: ANIMA_GPU is "%GPU%", expected 0 (CPU) or 1 (NVIDIA card) 1>&2
exit /b 1

rem ---- build

rem Sets BUILD if the program must be built: never built, built for other libraries, older than its
rem sources, or a library of the local repository is gone.
:must_build
set "BUILD=1"
if not exist "%TARGET%\anima.stamp" exit /b 0
if not exist "%TARGET%\classpath.txt" exit /b 0
if not exist "%PROPERTIES%" exit /b 0
findstr /b /l /c:"native=windows-x86_64" "%PROPERTIES%" >nul 2>nul
if errorlevel 1 exit /b 0
set "BUILT_GPU=0"
findstr /b /l /c:"native=windows-x86_64-gpu" "%PROPERTIES%" >nul 2>nul
if not errorlevel 1 set "BUILT_GPU=1"
if not "%BUILT_GPU%"=="%GPU%" exit /b 0
if not "%PROFILE%"=="-Pgpu,tagger-gpu" goto right_tagger
findstr /l /c:"onnxruntime_gpu" "%TARGET%\classpath.txt" >nul 2>nul
if errorlevel 1 exit /b 0
:right_tagger
powershell -NoProfile -NonInteractive -Command "$s = (Get-Item -LiteralPath ($env:TARGET + '\anima.stamp')).LastWriteTimeUtc; $n = Get-ChildItem -LiteralPath ($env:ROOT + '\src\main'), ($env:ROOT + '\pom.xml'), ($env:ROOT + '\.mvn') -Recurse -Force | Where-Object { $_.LastWriteTimeUtc -gt $s } | Select-Object -First 1; $m = (Get-Content -LiteralPath ($env:TARGET + '\classpath.txt') -Raw -Encoding UTF8).Trim().Split(';') | Where-Object { -not (Test-Path -LiteralPath $_) } | Select-Object -First 1; if ($n -or $m) { exit 1 } else { exit 0 }"
if errorlevel 1 exit /b 0
set "BUILD="
exit /b 0

:need_maven
where mvn >nul 2>nul
if not errorlevel 1 exit /b 0
echo anima: needs Maven, mvn, on the PATH to build and found none: install it from maven.apache.org 1>&2
exit /b 1

:build
call :need_maven
if errorlevel 1 exit /b 1
if not exist "%TARGET%\" md "%TARGET%"
if not exist "%TARGET%\" exit /b 1
echo anima: building, the first time Maven fetches about 0.4 GB of libraries, 0.8 GB with CUDA; later seconds ... 1>&2
rem Two launchers must not build at once. The lock is an open file: Windows lets one process write it, and
rem frees it when that process ends, however it ends. RESULT stays empty while another one has it.
:wait_for_lock
set "RESULT="
2>nul (
  9>>"%TARGET%\build.lock" call :locked_build
)
if defined RESULT goto built
ping -n 2 127.0.0.1 >nul
goto wait_for_lock
:built
if "%RESULT%"=="0" exit /b 0
findstr /b /l /c:"[ERROR]" "%TARGET%\build.log" 1>&2
echo anima: the build failed, full log: "%TARGET%\build.log" 1>&2
exit /b 1

:locked_build
rem Another launcher may have built while this one waited.
call :must_build
if not defined BUILD (
  set "RESULT=0"
  exit /b 0
)
rem Dated before the build: a source saved while Maven runs counts as newer.
type nul >"%TARGET%\anima.stamp.new"
pushd "%ROOT%"
call mvn -B -q -Dquick -DskipTests %PROFILE% process-classes >"%TARGET%\build.log" 2>&1 <nul
set "RESULT=%ERRORLEVEL%"
popd
if "%RESULT%"=="0" move /y "%TARGET%\anima.stamp.new" "%TARGET%\anima.stamp" >nul
exit /b 0

rem The tests run on the CPU libraries everywhere, so that their numbers can be compared; with ANIMA_GPU=1
rem on those for the card.
:run_tests
call :need_maven
if errorlevel 1 exit /b 1
set "ARGS="
for /f "tokens=1,*" %%A in ("%*") do set "ARGS=%%B"
set "PROFILE="
if "%ANIMA_GPU%"=="1" set "PROFILE=-Pgpu"
rem Classes from a quick build were not checked: compile everything again.
for %%F in (classes test-classes maven-status) do if exist "%TARGET%\%%F" rd /s /q "%TARGET%\%%F"
if exist "%TARGET%\anima.stamp" del /q "%TARGET%\anima.stamp"
pushd "%ROOT%"
call mvn -B --no-transfer-progress %PROFILE% verify %ARGS%
set "RESULT=%ERRORLEVEL%"
popd
exit /b %RESULT%
