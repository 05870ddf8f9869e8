; The installer for Windows: for one person without rights, or for all with them. Compiled by `packaging/make.py nsis`.
Unicode true
SetCompressor /SOLID lzma

!define NAME "Plugdeck"
!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define MULTIUSER_EXECUTIONLEVEL Highest
!define MULTIUSER_MUI
!define MULTIUSER_INSTALLMODE_COMMANDLINE
!define MULTIUSER_INSTALLMODE_INSTDIR "${NAME}"
!define MULTIUSER_USE_PROGRAMFILES64
!define MULTIUSER_INSTALLMODE_DEFAULT_CURRENTUSER
!define MULTIUSER_INSTALLMODE_DEFAULT_REGISTRY_KEY "Software\${NAME}"
!define MULTIUSER_INSTALLMODE_DEFAULT_REGISTRY_VALUENAME "Mode"
!include MultiUser.nsh
!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include x64.nsh

Name "${NAME}"
OutFile "${OUT}"
BrandingText "${NAME} ${VERSION}"
VIProductVersion "${VERSION_NUMBERS}"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "CompanyName" "${PUBLISHER}"
VIAddVersionKey "FileDescription" "${NAME} setup"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "${PUBLISHER}, MIT licence"
!ifdef ICON
  !define MUI_ICON "${ICON}"
  !define MUI_UNICON "${ICON}"
!endif
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\plugdeck-window.exe"
!define MUI_FINISHPAGE_RUN_TEXT "Open ${NAME}"

!insertmacro MULTIUSER_PAGE_INSTALLMODE
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"

LangString KeepData ${LANG_ENGLISH} "Remove your profiles, history and logs too?$\r$\n$\r$\n$Data$\r$\n$\r$\nNo keeps them for a later installation."
LangString KeepData ${LANG_GERMAN} "Auch Profile, Verlauf und Protokolle entfernen?$\r$\n$\r$\n$Data$\r$\n$\r$\nNein behält sie für eine spätere Installation."
LangString Running ${LANG_ENGLISH} "${NAME} is running. Quit it, then try again."
LangString Running ${LANG_GERMAN} "${NAME} läuft. Bitte beenden und erneut versuchen."
LangString Bits ${LANG_ENGLISH} "${NAME} needs a 64-bit Windows."
LangString Bits ${LANG_GERMAN} "${NAME} braucht ein 64-Bit-Windows."

Var Data

Function .onInit
  ${IfNot} ${RunningX64}
    MessageBox MB_ICONSTOP "$(Bits)" /SD IDOK
    Abort
  ${EndIf}
  SetRegView 64
  !insertmacro MULTIUSER_INIT
  ; Never into the folder of the person's data.
  ${If} $INSTDIR == "$LOCALAPPDATA\${NAME}"
    StrCpy $INSTDIR "$LOCALAPPDATA\Programs\${NAME}"
  ${EndIf}
FunctionEnd

Function un.onInit
  SetRegView 64
  !insertmacro MULTIUSER_UNINIT
  ; The person's own folder, also where the app was installed for all.
  SetShellVarContext current
  StrCpy $Data "$LOCALAPPDATA\${NAME}"
  ${If} $MultiUser.InstallMode == "AllUsers"
    SetShellVarContext all
  ${EndIf}
FunctionEnd

; A program that runs keeps its file open: nothing is half replaced.
!macro StopWhileRunning
  retry:
  ${If} ${FileExists} "$INSTDIR\plugdeck-window.exe"
    ClearErrors
    FileOpen $0 "$INSTDIR\plugdeck-window.exe" a
    ${If} ${Errors}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(Running)" /SD IDCANCEL IDRETRY retry
      Abort
    ${EndIf}
    FileClose $0
  ${EndIf}
!macroend

Section "-Plugdeck"
  !insertmacro StopWhileRunning
  ; What an older version had and this one has not must not stay.
  RMDir /r "$INSTDIR\_internal"
  SetOutPath "$INSTDIR"
  File /r "${BUNDLE}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\plugdeck-window.exe"

  WriteRegStr SHCTX "Software\${NAME}" "Mode" "$MultiUser.InstallMode"
  WriteRegStr SHCTX "Software\${NAME}" "" "$INSTDIR"
  WriteRegStr SHCTX "${KEY}" "DisplayName" "${NAME}"
  WriteRegStr SHCTX "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr SHCTX "${KEY}" "DisplayIcon" "$INSTDIR\plugdeck-window.exe"
  WriteRegStr SHCTX "${KEY}" "Publisher" "${PUBLISHER}"
  WriteRegStr SHCTX "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr SHCTX "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe" /$MultiUser.InstallMode'
  WriteRegStr SHCTX "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /$MultiUser.InstallMode /S'
  WriteRegDWORD SHCTX "${KEY}" "EstimatedSize" ${SIZE_KB}
  WriteRegDWORD SHCTX "${KEY}" "NoModify" 1
  WriteRegDWORD SHCTX "${KEY}" "NoRepair" 1

  ; `plugdeck` in a terminal, and a double click on a profile. Models stay with the program they have.
  WriteRegStr SHCTX "Software\Microsoft\Windows\CurrentVersion\App Paths\plugdeck.exe" "" "$INSTDIR\plugdeck.exe"
  WriteRegStr SHCTX "Software\Classes\.plugdeck" "" "Plugdeck.Profile"
  WriteRegStr SHCTX "Software\Classes\Plugdeck.Profile" "" "Plugdeck profile"
  WriteRegStr SHCTX "Software\Classes\Plugdeck.Profile\DefaultIcon" "" "$INSTDIR\plugdeck-window.exe,0"
  WriteRegStr SHCTX "Software\Classes\Plugdeck.Profile\shell\open\command" "" '"$INSTDIR\plugdeck-window.exe" open "%1"'
  WriteRegStr SHCTX "Software\Classes\.onnx\OpenWithProgids" "Plugdeck.Model" ""
  WriteRegStr SHCTX "Software\Classes\Plugdeck.Model" "" "ONNX model"
  WriteRegStr SHCTX "Software\Classes\Plugdeck.Model\shell\open\command" "" '"$INSTDIR\plugdeck-window.exe" open "%1"'
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
SectionEnd

Section "Uninstall"
  !insertmacro StopWhileRunning
  ; A silent removal keeps the data.
  MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(KeepData)" /SD IDNO IDNO kept
    RMDir /r "$Data"
  kept:
  Delete "$SMPROGRAMS\${NAME}.lnk"
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\plugdeck.exe"
  Delete "$INSTDIR\plugdeck-window.exe"
  Delete "$INSTDIR\THIRD-PARTY.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey SHCTX "${KEY}"
  DeleteRegKey SHCTX "Software\${NAME}"
  DeleteRegKey SHCTX "Software\Microsoft\Windows\CurrentVersion\App Paths\plugdeck.exe"
  DeleteRegKey SHCTX "Software\Classes\.plugdeck"
  DeleteRegKey SHCTX "Software\Classes\Plugdeck.Profile"
  DeleteRegKey SHCTX "Software\Classes\Plugdeck.Model"
  DeleteRegValue SHCTX "Software\Classes\.onnx\OpenWithProgids" "Plugdeck.Model"
  DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "Plugdeck"
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
SectionEnd
